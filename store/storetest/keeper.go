package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"

	"healthportal/store/embedded"
)

const keeperArg = "storetest-keeper"

// cluster is what a test binary knows of the shared cluster.
type cluster struct {
	id       int32 // marks this process's databases
	dsn      string
	template string
	count    atomic.Int64
	// The keeper leaves when this pipe closes, in whatever way this process ends.
	alive io.Closer
}

// greeting is the keeper's one line of output.
type greeting struct {
	ID       int32
	DSN      string
	Template string
	Error    string
}

// startKeeper starts this test binary once more, as a process that holds the
// lease on the cluster until this one ends: Go tells a package neither that the
// last test is done nor that the process was killed.
func startKeeper() (*cluster, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the test program: %w", err)
	}
	// Not CommandContext: it must outlive every test.
	cmd := exec.Command(program, keeperArg) //nolint:gosec,noctx // this very program
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the cluster's keeper: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the cluster's keeper: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the cluster's keeper: %w", err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("the cluster's keeper ended without a word: %w", errors.Join(err, alive.Close(), cmd.Wait()))
	}
	var said greeting
	if err := json.Unmarshal(line, &said); err != nil {
		return nil, fmt.Errorf("the cluster's keeper said %q: %w", line, errors.Join(err, alive.Close()))
	}
	if said.Error != "" {
		return nil, errors.Join(errors.New(said.Error), alive.Close())
	}
	return &cluster{id: said.ID, dsn: said.DSN, template: said.Template, alive: alive}, nil
}

// keep is the keeper's life: take the lease, prepare the template, say where,
// wait for the test process to end, clean up after it. It returns an exit code.
func keep(in io.Reader, out io.Writer) int {
	ctx := context.Background()
	said, leave, err := prepare(ctx, os.TempDir())
	if err != nil {
		said = greeting{Error: err.Error()}
	}
	if err := json.NewEncoder(out).Encode(said); err != nil || said.Error != "" {
		leave(ctx)
		return 1
	}
	_, err = io.Copy(io.Discard, in)
	leave(ctx)
	if err != nil {
		return 1
	}
	return 0
}

// prepare opens the cluster below temp and returns how to leave it again. The
// preparations of several keepers happen one after the other.
func prepare(ctx context.Context, temp string) (_ greeting, leave func(context.Context), err error) {
	leave = func(context.Context) {}
	dir, err := privateFolder(temp)
	if err != nil {
		return greeting{}, leave, err
	}
	turn := flock.New(filepath.Join(dir, "storetest.lock"), flock.SetPermissions(0o600))
	waiting, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	if ok, err := turn.TryLockContext(waiting, 20*time.Millisecond); err != nil || !ok {
		return greeting{}, leave, fmt.Errorf("wait for another test process to prepare %s: %w", dir, errors.Join(err, turn.Close()))
	}
	defer func() { err = errors.Join(err, turn.Unlock()) }()

	lease, err := openCluster(ctx, dir)
	if err != nil {
		return greeting{}, leave, err
	}
	conn, err := pgx.Connect(ctx, lease.DSN())
	if err != nil {
		return greeting{}, func(ctx context.Context) { _ = lease.Close(ctx) }, fmt.Errorf("connect to the test cluster: %w", err)
	}
	id := rand.Int32() //nolint:gosec // a name, not a secret
	leave = func(ctx context.Context) {
		// The process is ending and has nobody to tell; later runs clean up what fails here.
		_ = dropAll(ctx, conn, testPrefixOf(id))
		_ = conn.Close(ctx)
		_ = lease.Close(ctx)
	}
	template, err := furnish(ctx, conn, lease.DSN(), id)
	if err != nil {
		return greeting{}, leave, err
	}
	return greeting{ID: id, DSN: lease.DSN(), Template: template}, leave, nil
}

// openCluster opens the shared cluster, making a new one where the old can't be
// used: a crash of the machine damages a cluster without durability, and the
// installed PostgreSQL may have changed.
func openCluster(ctx context.Context, dir string) (*embedded.Lease, error) {
	opts := embedded.Options{DataDir: filepath.Join(dir, "data")}
	lease, err := embedded.Open(ctx, opts)
	if errors.Is(err, embedded.ErrStart) || errors.Is(err, embedded.ErrVersion) {
		if err := os.RemoveAll(filepath.Join(opts.DataDir, "postgres")); err != nil {
			return nil, fmt.Errorf("remove an unusable test cluster: %w", err)
		}
		lease, err = embedded.Open(ctx, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("the test cluster: %w", err)
	}
	return lease, nil
}

// privateFolder makes the user's folder below temp. Others may pass, for the
// server's user, but not list or write; a folder of somebody else is refused.
func privateFolder(temp string) (string, error) {
	dir := filepath.Join(temp, fmt.Sprintf("portal-storetest-%d", os.Geteuid()))
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, os.ErrExist) { //nolint:gosec // passing is meant to be allowed
		return "", fmt.Errorf("a folder for the test cluster: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("a folder for the test cluster: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s is not a folder of this user; remove it", dir)
	}
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // the umask may have closed it to the server's user
		return "", fmt.Errorf("a folder for the test cluster: %w", err)
	}
	return dir, nil
}
