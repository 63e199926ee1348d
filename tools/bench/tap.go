package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"
)

// socketName is the file name of PostgreSQL's socket in the folder that an
// address names.
const socketName = ".s.PGSQL.5432"

// bound is a statement as it went over the wire, with its parameters.
type bound struct {
	sql     string
	formats []int16
	params  [][]byte
}

// tap stands between the store and the server while the statements of a request
// are recorded, so that the limit runs those and not a copy that could differ.
// No measurement goes through it.
type tap struct {
	dir, target string
	ln          net.Listener
	conns       sync.WaitGroup

	mu      sync.Mutex
	trips   [][]bound // one element per round trip
	startup map[string]string
	open    map[net.Conn]bool
}

// openTap listens in dir for clients of the server whose socket lies in server.
func openTap(ctx context.Context, dir, server string) (*tap, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the tap's folder: %w", err)
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", filepath.Join(dir, socketName))
	if err != nil {
		return nil, fmt.Errorf("listen for statements: %w; set TMPDIR to a folder with a shorter name", err)
	}
	t := &tap{dir: dir, target: filepath.Join(server, socketName), ln: ln, open: map[net.Conn]bool{}}
	t.conns.Go(func() { t.accept(ctx) })
	return t, nil
}

func (t *tap) accept(ctx context.Context) {
	for {
		conn, err := t.ln.Accept()
		if err != nil {
			return // closed
		}
		t.conns.Go(func() { t.serve(ctx, conn) })
	}
}

// close ends the connections and removes the socket.
func (t *tap) close() error {
	err := t.ln.Close()
	t.mu.Lock()
	for conn := range t.open {
		err = errors.Join(err, ignoreClosed(conn.Close()))
	}
	t.mu.Unlock()
	t.conns.Wait()
	return errors.Join(err, os.RemoveAll(t.dir))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// take returns the round trips since the last call.
func (t *tap) take() [][]bound {
	t.mu.Lock()
	defer t.mu.Unlock()
	trips := t.trips
	t.trips = nil
	return trips
}

// settings are what the client of the newest round trip asked for when it connected.
func (t *tap) settings() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.startup)
}

func (t *tap) serve(ctx context.Context, client net.Conn) {
	defer client.Close() //nolint:errcheck // the client notices
	server, err := (&net.Dialer{}).DialContext(ctx, "unix", t.target)
	if err != nil {
		return // the client sees a closed connection and says so
	}
	defer server.Close() //nolint:errcheck // nothing is pending
	t.mu.Lock()
	t.open[client] = true
	t.mu.Unlock()
	t.conns.Go(func() {
		io.Copy(client, server) //nolint:errcheck // either side may end it
		client.Close()          //nolint:errcheck // see above
	})
	t.forward(pgproto3.NewBackend(client, io.Discard), server)
}

// forward passes the client's messages on and notes the statements, each trip
// before it is sent: whoever has the answer finds it noted.
func (t *tap) forward(client *pgproto3.Backend, server net.Conn) {
	first, err := client.ReceiveStartupMessage()
	if err != nil || send(server, first) != nil {
		return
	}
	var settings map[string]string
	if m, ok := first.(*pgproto3.StartupMessage); ok {
		settings = maps.Clone(m.Parameters)
	}
	names := map[string]string{}
	var trip []bound
	for {
		msg, err := client.Receive()
		if err != nil {
			return
		}
		switch m := msg.(type) {
		case *pgproto3.Parse:
			names[m.Name] = m.Query
		case *pgproto3.Bind:
			trip = append(trip, note(names[m.PreparedStatement], m))
		case *pgproto3.Sync:
			if len(trip) > 0 {
				t.noteTrip(trip, settings)
				trip = nil
			}
		}
		if send(server, msg) != nil {
			return
		}
	}
}

// noteTrip notes what a page asks as hp_app. The audit log's writer and other work
// beside the request are not part of the query that the limit runs.
func (t *tap) noteTrip(trip []bound, settings map[string]string) {
	if role := settings["role"]; role != "" && role != "hp_app" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trips, t.startup = append(t.trips, trip), settings
}

// note copies a Bind, whose parts the protocol reader overwrites.
func note(sql string, m *pgproto3.Bind) bound {
	b := bound{sql: sql, formats: slices.Clone(m.ParameterFormatCodes)}
	for _, p := range m.Parameters {
		b.params = append(b.params, slices.Clone(p))
	}
	return b
}

func send(server net.Conn, msg pgproto3.FrontendMessage) error {
	bytes, err := msg.Encode(nil)
	if err != nil {
		return fmt.Errorf("pass a message on: %w", err)
	}
	if _, err := server.Write(bytes); err != nil {
		return fmt.Errorf("pass a message on: %w", err)
	}
	return nil
}
