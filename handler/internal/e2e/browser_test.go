package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The browser of the page tests: Chromium as the distribution ships it. A
// machine without one skips them, unless it is CI.
const chromium = "chromium"

// look is how a page is looked at.
type look struct {
	name          string
	width, height int64
	dark          bool
}

var (
	desktop   = look{"desktop", 1180, 900, false}
	phone     = look{"phone", 390, 844, false}
	nightfall = look{"desktop-dark", 1180, 900, true}
	night     = look{"phone-dark", 390, 844, true}
	looks     = []look{desktop, phone, nightfall, night}
)

// browser starts one Chromium for a test and what it starts.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath(chromium)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium: under CI the pages must be tested")
		}
		t.Skip("no chromium on this machine")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process, so that its folder can go
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}

// tab is one page of a browser, with cookies of its own.
type tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // a chromedp context is the tab

	mu       sync.Mutex
	problems []string // console errors, exceptions, refused resources; guarded by mu
	requests []string // every URL asked for; guarded by mu
}

// open opens an empty tab, as a person who has not signed in yet.
func open(t *testing.T, browser context.Context, l look) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	p.run(p.as(l))
	return p
}

// as has the tab look like a device.
func (p *tab) as(l look) chromedp.Action[chromedp.Void] {
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err1 := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 500,
		})
		_, err2 := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return errors.Join(err1, err2)
	})
}

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			p.problems = append(p.problems, fmt.Sprintf("console: %s", e.Args[0].Value))
		}
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.Method+" "+e.Request.URL)
	case *network.EventLoadingFailed:
		if e.BlockedReason != "" {
			p.problems = append(p.problems, "blocked: "+string(e.BlockedReason))
		}
	case *page.EventJavascriptDialogOpening:
		p.problems = append(p.problems, "dialog: "+e.Message)
	}
}

// run does what a person would, at most for as long as patience lasts.
func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ask(p, chromedp.Steps(actions...))
}

// ask does something that has an answer, at most for as long as patience lasts.
func ask[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	answer, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("the browser: %v\n%s", err, p.textNow())
	}
	return answer
}

// textNow is what the page says, for messages.
func (p *tab) textNow() string {
	ctx, cancel := context.WithTimeout(p.ctx, 2*time.Second)
	defer cancel()
	url, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	return url + "\n" + text
}

// visit opens an address and waits until it is there.
func (p *tab) visit(url string) { p.t.Helper(); p.run(chromedp.Navigate(url)) }

// press presses the button or link of that text and waits for the next page.
func (p *tab) press(text string) {
	p.t.Helper()
	path := fmt.Sprintf(`//*[self::button or self::a][normalize-space()=%s]`, quoteXPath(text))
	p.run(chromedp.WaitVisible(chromedp.Search(path)))
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.Search(path))); err != nil {
		p.t.Fatalf("press %q: %v\n%s", text, err, p.textNow())
	}
}

func quoteXPath(text string) string {
	if !strings.Contains(text, `"`) {
		return `"` + text + `"`
	}
	return `'` + text + `'`
}

// text is what a person reads on the page.
func (p *tab) text() string {
	p.t.Helper()
	return ask(p, chromedp.Evaluate[string]("document.body.innerText"))
}

// count is how many elements match a selector.
func (p *tab) count(selector string) int {
	p.t.Helper()
	return ask(p, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
}

func (p *tab) reads(what string, want ...string) {
	p.t.Helper()
	text := strings.Join(strings.Fields(p.text()), " ")
	for _, w := range want {
		if !strings.Contains(text, w) {
			p.t.Errorf("%s does not say %q:\n%s", what, w, text)
		}
	}
}

// clean reports what went wrong behind the page.
func (p *tab) clean(what string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.t.Errorf("%s: %s", what, problem)
	}
	p.problems = nil
}

// screenshot keeps what the whole page looks like, where artifacts are kept.
func (p *tab) screenshot(name string) {
	p.t.Helper()
	dir := os.Getenv("FABRIC_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture := ask(p, chromedp.FullScreenshot(100))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// axe is the text of axe-core; "" where this machine has none.
var axe = sync.OnceValues(func() (string, error) {
	path := os.Getenv("FABRIC_AXE")
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	return string(text), err
})

// accessible has axe-core look at the page: nothing serious or critical.
func (p *tab) accessible(what string) {
	p.t.Helper()
	source, err := axe()
	if err != nil {
		p.t.Fatal(err)
	}
	if source == "" {
		if os.Getenv("CI") != "" {
			p.t.Fatal("no axe-core: under CI the pages must be looked at (FABRIC_AXE)")
		}
		return
	}
	const look = `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v =>
		({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.html + " " + (n.failureSummary || ""))}))))`
	p.run(chromedp.Evaluate[chromedp.Void](source))
	report := ask(p, chromedp.Evaluate[string](look, chromedp.EvalAwaitPromise))
	var violations []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	if err := json.Unmarshal([]byte(report), &violations); err != nil {
		p.t.Fatal(err)
	}
	for _, v := range violations {
		if v.Impact == "serious" || v.Impact == "critical" {
			p.t.Errorf("%s: axe %s (%s): %s\n%s", what, v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n"))
		}
	}
}
