package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy/suite"
)

// The benchmark runs its servers as processes of their own, so that the CPU it
// counts is the server's alone. The test binary is those servers too.
const benchRole = "FABRIC_BENCH_SERVER"

// benchProfile, if set, is where each server writes its CPU profile.
const benchProfile = "FABRIC_BENCH_PROFILE"

func TestMain(m *testing.M) {
	if role := os.Getenv(benchRole); role != "" {
		if err := serveBench(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveBench serves one of the things compared until standard input ends, and
// prints its address.
func serveBench(role string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { io.Copy(io.Discard, os.Stdin); cancel() }() //nolint:errcheck // its end is the signal
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if path := os.Getenv(benchProfile); path != "" {
		f, err := os.Create(path + "." + role)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	handler, closer, err := benchHandler(ctx, role)
	if err != nil {
		return err
	}
	defer closer()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { <-ctx.Done(); server.Close() }() //nolint:errcheck // the benchmark is over
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func benchHandler(ctx context.Context, role string) (http.Handler, func(), error) {
	dir, err := os.MkdirTemp("", "fabric-bench")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { os.RemoveAll(dir) } //nolint:errcheck // a temporary directory
	switch role {
	case "floor":
		return floor(nil), remove, nil
	case "floor-durable":
		log, err := newFloorLog(filepath.Join(dir, "floor.jsonl"))
		return floor(log), remove, err
	}
	c, err := readConfig(func(name string) string {
		return map[string]string{"FABRIC_RATE": "1000000", "FABRIC_BURST": "1000000"}[name]
	})
	if err != nil {
		return nil, nil, err
	}
	c.data, c.packs, c.publicURL = filepath.Join(dir, "data"), filepath.Join(dir, "packs"), "http://127.0.0.1"
	if err := os.Mkdir(c.packs, 0o700); err != nil {
		return nil, nil, err
	}
	pack := suite.Scale(1000, "").Text
	if role == "discard-grant" { // an action with an audience: every ALLOW carries a grant
		pack = bytes.ReplaceAll(pack, []byte(`"resource":"Thing",`), []byte(`"resource":"Thing","audience":"erp",`))
	}
	if err := os.WriteFile(filepath.Join(c.packs, "scale.json"), pack, 0o600); err != nil {
		return nil, nil, err
	}
	tuneMemory(os.Getenv)
	options := wireOptions{log: io.Discard}
	if strings.HasPrefix(role, "discard") {
		options.sink = storetest.DiscardSink{}
	}
	s, err := wire(ctx, c, options)
	if err != nil {
		return nil, nil, err
	}
	return s.handler(), func() { s.close(context.Background()); remove() }, nil //nolint:errcheck // the benchmark is over
}

// floor is what any HTTP service pays: it decodes the same request with
// encoding/json and answers a constant; with a log, after a durable append.
func floor(log *floorLog) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			AgentID, UserUPN, Action string
			Resource                 struct{ Type, ID, Region, Classification string }
			Parameters, Context      map[string]any
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if log != nil {
			log.append()
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"decision":"ALLOW"}`)) //nolint:errcheck // a closed connection
	})
}

// floorLog appends a record of usual size with one fdatasync for all who wait.
type floorLog struct {
	file    *os.File
	record  []byte
	mu      sync.Mutex
	waiting []chan struct{} // guarded by mu
	busy    bool            // guarded by mu
}

func newFloorLog(path string) (*floorLog, error) {
	f, err := os.Create(path)
	return &floorLog{file: f, record: append(bytes.Repeat([]byte{'x'}, 1200), '\n')}, err
}

func (l *floorLog) append() {
	done := make(chan struct{})
	l.mu.Lock()
	l.waiting = append(l.waiting, done)
	if l.busy {
		l.mu.Unlock()
		<-done
		return
	}
	l.busy = true
	for len(l.waiting) > 0 {
		batch := l.waiting
		l.waiting = nil
		l.mu.Unlock()
		l.file.Write(bytes.Repeat(l.record, len(batch))) //nolint:errcheck // a floor
		datasync(l.file)
		for _, waiter := range batch {
			close(waiter)
		}
		l.mu.Lock()
	}
	l.busy = false
	l.mu.Unlock()
}

// benchServer is a server process under load.
type benchServer struct {
	url  string
	pid  int
	stop func()
}

func startBench(b *testing.B, role string) *benchServer {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), exe)
	cmd.Env = append(os.Environ(), benchRole+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatalf("%s does not start: %v", role, err)
	}
	return &benchServer{
		url: "http://" + strings.TrimSpace(address), pid: cmd.Process.Pid,
		stop: func() { in.Close(); cmd.Wait() }, //nolint:errcheck // the benchmark is over
	}
}

const benchBody = `{"correlationId":"po-2026-000123","agentId":"bot","userUPN":"ana@contoso.com","action":"Act0",` +
	`"resource":{"type":"Thing","id":"PO-1001","region":"EU","classification":"Internal"},` +
	`"parameters":{"amount":49000,"currency":"EUR","vendor":"V-7"},` +
	`"context":{"risk":"low","riskScore":40,"threadId":"t-1","channel":"teams"}}`

// load sends requests over so many connections for a while.
func (s *benchServer) load(b *testing.B, connections int, d time.Duration) (answers int64) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var n atomic.Int64
	var wg sync.WaitGroup
	until := time.Now().Add(d)
	for range connections {
		wg.Go(func() {
			for time.Now().Before(until) {
				if err := s.ask(b.Context(), client); err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return n.Load()
}

func (s *benchServer) ask(ctx context.Context, client *http.Client) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/authorize", strings.NewReader(benchBody))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was read to its end
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"decision":"ALLOW"`)) {
		return fmt.Errorf("POST /api/authorize = %d %s, want ALLOW", response.StatusCode, body)
	}
	return err
}

// cpu is the CPU time a process has used.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Skipf("CPU of another process is read from /proc: %v", err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is the resident memory of a process.
func memory(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		b.Skipf("memory of another process is read from /proc: %v", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kib / 1024
}

// measured is one server's cost in one round.
type measured struct {
	cpuPerOp time.Duration
	perSec   float64
	peakMiB  float64
}

func measure(b *testing.B, role string, connections int) measured {
	b.Helper()
	s := startBench(b, role)
	defer s.stop()
	s.load(b, connections, 300*time.Millisecond) // warm
	const d = 2 * time.Second
	before := cpu(b, s.pid)
	answers := s.load(b, connections, d)
	return measured{(cpu(b, s.pid) - before) / time.Duration(max(answers, 1)), float64(answers) / d.Seconds(), memory(b, s.pid)}
}

// BenchmarkAuthorize compares POST /api/authorize with the floor in the same
// run: CPU a decision, and answers a second with the durable log.
func BenchmarkAuthorize(b *testing.B) {
	for _, c := range []struct {
		name, role, floor string
		connections       int
	}{
		{"discarding-audit/connections=16", "discard", "floor", 16},
		{"discarding-audit-with-grant/connections=16", "discard-grant", "floor", 16},
		{"durable-audit/connections=16", "durable", "floor-durable", 16},
		{"durable-audit/connections=64", "durable", "floor-durable", 64},
	} {
		b.Run(c.name, func(b *testing.B) {
			var ours, base measured
			rounds := 0
			for b.Loop() {
				o, f := measure(b, c.role, c.connections), measure(b, c.floor, c.connections)
				ours.cpuPerOp, base.cpuPerOp = ours.cpuPerOp+o.cpuPerOp, base.cpuPerOp+f.cpuPerOp
				ours.perSec, base.perSec = ours.perSec+o.perSec, base.perSec+f.perSec
				ours.peakMiB = max(ours.peakMiB, o.peakMiB)
				rounds++
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(ours.cpuPerOp.Microseconds())/float64(rounds), "cpu-us/decision")
			b.ReportMetric(float64(ours.cpuPerOp)/float64(base.cpuPerOp), "x-floor-cpu")
			b.ReportMetric(ours.perSec/float64(rounds), "decisions/s")
			b.ReportMetric(ours.perSec/base.perSec, "x-floor-rate")
			b.ReportMetric(ours.peakMiB, "peak-MiB")
		})
	}
}
