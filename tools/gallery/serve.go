package main

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"healthportal/static"
)

// policy is the portal's own content security policy, so that whatever it forbids shows up here first.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; manifest-src 'self'; worker-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// handler serves /page/THEME/NAME, the index and the assets.
func handler(assets *static.Assets) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		render(w, r, index(setting{assets: assets, link: serveLink}))
	})
	mux.HandleFunc("GET /page/{theme}/{page}", func(w http.ResponseWriter, r *http.Request) {
		p, ok := find(r.PathValue("page"))
		theme := r.PathValue("theme")
		if !ok || (theme != "light" && theme != "dark") {
			http.NotFound(w, r)
			return
		}
		render(w, r, p.body(setting{theme: theme, name: p.name, assets: assets, link: serveLink}))
	})
	mux.HandleFunc("GET /static/", func(w http.ResponseWriter, r *http.Request) {
		f, ok := assets.Lookup(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		body, encoding := f.Encoded(r.Header.Get("Accept-Encoding"))
		if encoding != "" {
			w.Header().Set("Content-Encoding", encoding)
		}
		answer(w, f.ContentType, body)
	})
	mux.HandleFunc("GET /manifest.webmanifest", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "application/manifest+json", assets.Manifest())
	})
	mux.HandleFunc("GET /sw.js", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "text/javascript; charset=utf-8", assets.ServiceWorker())
	})
	return mux
}

func answer(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) //nolint:gosec // rendered by templ, which escapes; a browser that went away needs no answer
}

func render(w http.ResponseWriter, r *http.Request, page templ.Component) {
	var body bytes.Buffer
	if err := page.Render(r.Context(), &body); err != nil {
		http.Error(w, "The page could not be rendered; see the gallery's tests.", http.StatusInternalServerError)
		return
	}
	answer(w, "text/html; charset=utf-8", body.Bytes())
}

// serveLink is the address of a page on the server; fileLink the one between written files.
func serveLink(theme, name string) string {
	if name == "" {
		return "/"
	}
	return "/page/" + theme + "/" + name
}

func fileLink(theme, name string) string {
	if name == "" {
		return "index.html"
	}
	return name + "." + theme + ".html"
}

// relative turns the assets' addresses into ones that work from files.
type relative struct{ *static.Assets }

// URL is the address without its leading slash.
func (r relative) URL(name string) string { return strings.TrimPrefix(r.Assets.URL(name), "/") }
