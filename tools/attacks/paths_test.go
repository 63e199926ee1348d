package attacks

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"healthportal/app/web"
)

// planted stands in files outside the roots and must never come out.
const planted = "planted-secret-outside-the-roots"

// Defence: paths name routes and ids, never files; static files come from a
// table, reports from the index. StrictRouting and the router see the path once decoded.
func TestAttack31_PathTraversal(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	w.write("secret.pdf", "%PDF-1.4\n"+planted+"\n%%EOF\n")
	w.write("reports/secret.txt", planted)
	ada := w.as("clinician")
	hostile := []string{
		"../secret.pdf", "../../secret.pdf", strings.Repeat("../", 12) + "etc/passwd", "%2e%2e%2fsecret.pdf", "%2e%2e/secret.pdf", "..%2fsecret.pdf",
		"%252e%252e%252fsecret.pdf", "%252e%252e/secret.pdf", `..\secret.pdf`, "..%5csecret.pdf", "%00", "one.pdf%00.html", "%c0%ae%c0%ae%c0%afsecret.pdf",
		"%e0%80%ae%e0%80%ae/secret.pdf", "/etc/passwd", "%2fetc%2fpasswd", filepath.Join(w.dir, "secret.pdf"), "file:///etc/passwd", "....//secret.pdf",
		"..;/secret.pdf", "%uff0e%uff0e/secret.pdf", "．．/secret.pdf", a.number + "/one.pdf", "secret.txt", "~/secret.pdf",
	}
	for _, prefix := range []string{"/genomics/reports/", "/static/", "/static/css/", "/patients/", "/"} {
		for _, path := range hostile {
			for _, suffix := range []string{"", "/file"} {
				raw := w.dial().send("GET " + prefix + path + suffix + " HTTP/1.1\r\nHost: " + w.host() + "\r\nAccept: text/html\r\nCookie: " + cookieName + "=" + ada.cookie + "\r\nConnection: close\r\n\r\n").receive()
				if raw.status == http.StatusOK || raw.status >= 500 {
					t.Errorf("GET %s%s%s: %d %.200s", prefix, path, suffix, raw.status, raw.body)
				}
				raw.lacks(planted, "root:x:0", "%PDF")
			}
		}
	}
	// By query and by form the same texts are data, not places.
	for _, path := range hostile {
		decoded := strings.NewReplacer("%2e", ".", "%2f", "/", "%5c", `\`).Replace(path)
		for _, name := range []string{"kind", "q", "person", "after"} {
			ada.post("/genomics/reports", map[string][]string{name: {decoded}}).lacks(planted, "root:x:0")
		}
	}
	ada.get("/genomics/reports/" + a.pdf + "/file").want(http.StatusOK).has("%PDF-1.4")
}

// Defence: roots are opened with os.Root, and only regular files that are as
// they were indexed are served. A hard link is the file itself: whoever can make
// one in a root writes reports anyway; it is served as what it was indexed as, never as another.
func TestAttack32_LinksAndOddFiles(t *testing.T) {
	w := newClinic(t)
	a, b := w.seed()
	ada := w.as("clinician")
	secret := w.write("secret.pdf", "%PDF-1.4\n"+planted+"\n%%EOF\n")
	folder := filepath.Join(w.dir, "reports", a.number)
	other := filepath.Join(w.dir, "reports", b.number, "one.pdf")
	up, err := filepath.Rel(folder, secret)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Symlink(up, filepath.Join(folder, "relative.pdf")))
	must(os.Symlink(secret, filepath.Join(folder, "absolute.pdf")))
	must(os.Symlink("/proc/self/environ", filepath.Join(folder, "environ.pdf")))
	must(os.Symlink(other, filepath.Join(folder, "stolen.pdf")))
	must(os.Symlink("loop.pdf", filepath.Join(folder, "loop.pdf")))
	must(os.Symlink(w.dir, filepath.Join(folder, "out")))
	must(os.Mkdir(filepath.Join(folder, "folder.pdf"), 0o750))
	must(syscall.Mkfifo(filepath.Join(folder, "pipe.pdf"), 0o600))
	w.run("sync-reports")
	served := 0
	for _, name := range []string{"relative.pdf", "absolute.pdf", "environ.pdf", "stolen.pdf", "loop.pdf", "folder.pdf", "pipe.pdf", "out/secret.pdf"} {
		if one[int](w, "SELECT count(*) FROM analytics.genomics_reports WHERE report_path = $1 AND person_id IS NOT NULL", a.number+"/"+name) == 0 {
			continue
		}
		served++
		ada.get("/genomics/reports/"+w.reportID(a.number+"/"+name)+"/file").want(http.StatusConflict, http.StatusGone, http.StatusNotFound).lacks(planted, "%PDF", "PATH=")
	}
	if served == 0 {
		t.Error("none of the odd files is in the index: nothing was tried")
	}
	// What was indexed as a report is swapped afterwards.
	file := filepath.Join(folder, "one.pdf")
	for name, swap := range map[string]func() error{
		"absolute symlink":    func() error { return os.Symlink(secret, file) },
		"relative symlink":    func() error { return os.Symlink(up, file) },
		"hard link to secret": func() error { return os.Link(secret, file) },
		"hard link to Bela's": func() error { return os.Link(other, file) },
		"folder":              func() error { return os.Mkdir(file, 0o750) },
		"pipe":                func() error { return syscall.Mkfifo(file, 0o600) },
		"socket":              func() error { return syscall.Mknod(file, syscall.S_IFSOCK|0o600, 0) },
	} {
		must(os.Remove(file))
		must(swap())
		if name == "hard link to Bela's" {
			must(os.WriteFile(other, []byte("%PDF-1.4\n"+planted+"!\n%%EOF\n"), 0o600))
		}
		if got := ada.get("/genomics/reports/"+a.pdf+"/file").lacks(planted, "%PDF"); got.status != http.StatusConflict && got.status != http.StatusGone {
			t.Errorf("swapped for a %s: %d", name, got.status)
		}
	}
}

// Defence: routes are matched to the letter (CaseSensitive, StrictRouting), and
// permission hangs on the route that answers, however the path was written.
func TestAttack33_OtherSpellings(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	stranger, ada, ops := w.caller(), w.as("clinician"), w.as("ops")
	spell := func(path string) []string {
		rest := path[1:]
		return []string{
			strings.ToUpper(path), "/" + path, "//" + rest, "/%" + hexOf(rest[0]) + rest[1:], path + ";/x", path + ";x=1", path + "/", path + "//", path + "/.",
			path + "/..", "/./" + rest, "/x/../" + rest, "/x/%2e%2e/" + rest, path + "%2f", path + "%20", path + ".html", path + ".json", path + "%00", `/\` + rest,
			"/static/.." + path, "/login/.." + path, "/login;" + path, path + "?", path + "#", "/%2f" + rest, "http://localhost" + path,
		}
	}
	cookies := map[string]string{"signed out": "", "without rights": ops.cookie}
	for _, rt := range web.RouteDocs() {
		if rt.Method != http.MethodGet || rt.Permission == "public" || strings.HasPrefix(rt.Path, "/v1/") {
			continue
		}
		path := strings.NewReplacer(":id", a.public, ":pseudonym", "p1").Replace(rt.Path)
		if path == "/" || rt.Permission == "signed-in" {
			continue
		}
		for _, spelt := range spell(path) {
			for who, cookie := range cookies {
				raw := w.dial().send("GET " + spelt + " HTTP/1.1\r\nHost: " + w.host() + "\r\nAccept: text/html\r\nCookie: " + cookieName + "=" + cookie + "\r\nConnection: close\r\n\r\n").receive()
				if raw.status == http.StatusOK && !strings.Contains(raw.body, "Sign in with a passkey") || raw.status >= 500 {
					t.Errorf("%s: GET %s: %d", who, spelt, raw.status)
				}
				raw.lacks(a.secrets()...)
			}
		}
	}
	stranger.get("/ADMIN/users").want(http.StatusNotFound)
	ada.get("/PATIENTS/" + a.public).want(http.StatusNotFound)
	ada.get("/patients/" + strings.ToUpper(a.public)).lacks(a.family)
	ada.get("/patients/" + a.public).want(http.StatusOK).has(a.family)
}

func hexOf(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}
