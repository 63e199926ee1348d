package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
)

// readyTimeout bounds the wait for each dependency.
const readyTimeout = 2 * time.Second

// healthz says that the process answers. It asks no dependency.
func (s *Server) healthz(r *request) error {
	return r.c.SendString("ok\n")
}

// readyz asks each dependency and names those that don't answer, without details.
func (s *Server) readyz(r *request) error {
	status := http.StatusOK
	checks := make(map[string]string, len(s.deps.Checks))
	for _, check := range s.deps.Checks {
		checks[check.Name] = "ok"
		ctx, cancel := context.WithTimeout(r.ctx, readyTimeout)
		if err := check.Ping(ctx); err != nil {
			checks[check.Name] = "failed"
			status = http.StatusServiceUnavailable
			s.cfg.Logger.Warn("dependency does not answer", "dependency", check.Name, "error", err)
		}
		cancel()
	}
	return r.c.Status(status).JSON(fiber.Map{"ready": status == http.StatusOK, "checks": checks})
}
