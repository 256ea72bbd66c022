package approval

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
)

var testKey = policy.NewKey("k", []byte(strings.Repeat("k", 32)))

// The slot of a call is written into ids: it must never change.
func TestSlotVector(t *testing.T) {
	const want = "fk7n448ula4nlnir1pfp7u5aj7"
	digest := "hmac-sha256:" + strings.Repeat("0", 64)
	got := Slot(testKey, "11111111-1111-1111-1111-11111111111A", "aaaaaaaa-0000-4000-8000-000000000001", digest)
	if got != want {
		t.Errorf("Slot = %s, want %s", got, want)
	}
	if id := ID(got, 1795262400123); id != "apr_"+want+"-01k7uvkhjr" {
		t.Errorf("ID = %s, want apr_%s-01k7uvkhjr", id, want)
	}
}

// Calls that differ in anything have different slots, wherever the parts are cut.
func TestSlotsOfDifferentCallsDiffer(t *testing.T) {
	part := rapid.StringMatching(`[a-b,"|\n]{0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		a := [3]string{part.Draw(t, "tenant"), part.Draw(t, "application"), part.Draw(t, "digest")}
		b := [3]string{part.Draw(t, "tenant"), part.Draw(t, "application"), part.Draw(t, "digest")}
		same := Slot(testKey, a[0], a[1], a[2]) == Slot(testKey, b[0], b[1], b[2])
		if same != (a == b) {
			t.Errorf("slots of %q and %q are the same: %t", a, b, same)
		}
	})
}

func TestSlotDependsOnTheKey(t *testing.T) {
	if Slot(testKey, "t", "a", "d") == Slot(policy.NewKey("l", []byte(strings.Repeat("l", 32))), "t", "a", "d") {
		t.Error("two keys give one slot")
	}
}

func TestParseID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slot := rapid.StringMatching(`[0-9a-v]{26}`).Draw(t, "slot")
		g := Generation(rapid.Int64Range(0, 1<<50-1).Draw(t, "generation"))
		gotSlot, gotGeneration, ok := ParseID(ID(slot, g))
		if gotSlot != slot || gotGeneration != g || !ok {
			t.Errorf("ParseID(%s) = %s, %d, %t", ID(slot, g), gotSlot, gotGeneration, ok)
		}
	})
}

func TestParseIDRefuses(t *testing.T) {
	const slot, generation = "fk7n448ula4nlnir1pfp7u5aj7", "01k7uvkhjr"
	for _, id := range []string{
		"", "apr_", slot, "apr_" + slot, "apr_" + slot + "-", "apr_" + slot + generation, "APR_" + slot + "-" + generation,
		"apr_" + strings.ToUpper(slot) + "-" + generation, "apr_" + slot + "-" + strings.ToUpper(generation),
		"apr_" + slot + "-" + generation + " ", " apr_" + slot + "-" + generation, "apr_" + slot + "-0" + generation,
		"apr_" + slot[:25] + "w-" + generation, "apr_" + slot[:25] + "\x00-" + generation, "apr_" + slot[:25] + "é-" + generation[1:],
		"apr_" + slot + "-" + generation[:9] + "/", "apr_" + slot + "_" + generation,
	} {
		if slot, g, ok := ParseID(id); ok {
			t.Errorf("ParseID(%q) = %s, %d, want refused", id, slot, g)
		}
	}
}

// Generations rise, and their texts sort as they do.
func TestGenerationsRise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, texts := Generation(0), []string{}
		for _, ms := range rapid.SliceOfN(rapid.Int64Range(0, 1<<42), 1, 20).Draw(t, "clock") {
			next := g.next(time.UnixMilli(ms))
			if next <= g {
				t.Fatalf("next(%d) after %d = %d", ms, g, next)
			}
			g = next
			texts = append(texts, g.String())
		}
		if !slices.IsSorted(texts) {
			t.Errorf("texts %q are not in order", texts)
		}
	})
}
