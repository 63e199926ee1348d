package web

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthportal/app/health"
)

// workerPolicy is the policy of pdf.js's worker script: it compiles its
// WebAssembly decoders, and nothing else may.
func workerPolicy() string {
	return strings.Replace(contentPolicy, "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", 1)
}

// staticFile serves an embedded file under its hashed name.
func (s *Server) staticFile(r *request) error {
	file, ok := s.assets.Lookup(r.c.Path())
	if !ok {
		return fmt.Errorf("static file: %w", health.ErrNotFound)
	}
	if strings.HasSuffix(r.c.Path(), "/pdf.worker.min.mjs") {
		r.c.Set(fiber.HeaderContentSecurityPolicy, workerPolicy())
	}
	r.c.Set(fiber.HeaderETag, file.ETag())
	if file.Immutable {
		r.c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	r.c.Vary(fiber.HeaderAcceptEncoding)
	if r.c.Get(fiber.HeaderIfNoneMatch) == file.ETag() {
		return r.c.SendStatus(fiber.StatusNotModified)
	}
	body, encoding := file.Encoded(r.c.Get(fiber.HeaderAcceptEncoding))
	if encoding != "" {
		r.c.Set(fiber.HeaderContentEncoding, encoding)
	}
	r.c.Set(fiber.HeaderContentType, file.ContentType)
	return r.c.Send(body)
}

// favicon leads browsers that show a file without a page to the icon.
func (s *Server) favicon(r *request) error {
	return r.redirect(s.assets.URL("icons/icon-192.png"))
}

// webManifest serves the web app manifest.
func (s *Server) webManifest(r *request) error {
	r.c.Set(fiber.HeaderCacheControl, "no-cache")
	r.c.Set(fiber.HeaderContentType, "application/manifest+json")
	return r.c.Send(s.assets.Manifest())
}

// serviceWorker serves the worker whose allow-list holds static files only.
func (s *Server) serviceWorker(r *request) error {
	r.c.Set(fiber.HeaderCacheControl, "no-cache")
	r.c.Set(fiber.HeaderContentType, fiber.MIMETextJavaScriptCharsetUTF8)
	return r.c.Send(s.assets.ServiceWorker())
}
