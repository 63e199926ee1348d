package web

import (
	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/views/ui"
)

// home leads to the first page that the principal's roles open.
func (s *Server) home(r *request) error {
	if nav := navigation(r.principal()); len(nav) > 0 {
		return r.redirect(nav[0].Href)
	}
	return r.render(page{title: "Home", body: templ.Join(
		ui.PageHead(ui.PageHeadProps{Title: "Home"}),
		ui.EmptyState(ui.EmptyStateProps{
			Title: "Nothing is open to your roles yet",
			Text: "You are signed in as " + access.Words(r.principal().Roles, ", ") + ", which opens no page of this portal. " +
				"Ask an administrator if you need another role.",
			Icon: ui.IconLock,
		}),
	)})
}
