package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"healthportal/app/intake/detect"
)

// importFile is a file, or standard input, with the format that it was found to have.
type importFile struct {
	name   string
	format detect.Format
	zipped bool
	// size is 0 where it can't be known.
	size int64
	// stream is what can be read once: standard input, or a pipe. Other files are opened when it is their turn.
	stream io.Reader
	opened *os.File
}

// openImports looks into all files before the first one is imported. What it
// returns is to be closed, also with an error.
func (r *run) openImports(names []string, forced detect.Format) (files []*importFile, err error) {
	stdin := false
	for _, name := range names {
		if name == "-" && stdin {
			return files, usageError{errors.New("standard input (-) can be given once only")}
		}
		stdin = stdin || name == "-"
		f := &importFile{name: name}
		files = append(files, f)
		if err := f.look(r, forced); err != nil {
			if name != "-" && len(names) > 1 {
				err = fmt.Errorf("%w; nothing was imported", err)
			}
			return files, err
		}
	}
	return files, nil
}

// look finds out the format.
func (f *importFile) look(r *run, forced detect.Format) error {
	in, err := r.openInput(f.name)
	if err != nil {
		return err
	}
	if file, ok := in.(*os.File); ok {
		info, err := file.Stat()
		switch {
		case err != nil:
			return errors.Join(fmt.Errorf("open the input: %w", err), file.Close())
		case info.IsDir():
			return errors.Join(fmt.Errorf("%s is a folder: give the files in it", f.name), file.Close())
		case info.Mode().IsRegular():
			f.size = info.Size()
			return errors.Join(f.lookInto(file, forced), file.Close())
		}
		f.opened = file
	}
	buffered := bufio.NewReaderSize(in, detect.HeadSize)
	f.stream = buffered
	head, err := buffered.Peek(detect.HeadSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	if detect.IsZip(head) {
		return f.named(errors.New("a zip can't be read from a stream, because its list of entries stands at its end: give it by its file name"))
	}
	if f.format = forced; forced == "" {
		f.format, err = detect.Head(head, len(head) < detect.HeadSize)
		return f.named(err)
	}
	return nil
}

// lookInto finds out the format of a regular file.
func (f *importFile) lookInto(file *os.File, forced detect.Format) (err error) {
	if forced == "" {
		f.format, f.zipped, err = detect.File(file, f.size)
		return f.named(err)
	}
	head := make([]byte, 4)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	f.format, f.zipped = forced, detect.IsZip(head[:n])
	if f.zipped && forced != detect.AppleHealth {
		return f.named(fmt.Errorf("a zip can't be read as %s: unpack it", forced))
	}
	return nil
}

func (f *importFile) named(err error) error {
	if err == nil {
		return nil
	}
	if f.name == "-" {
		return fmt.Errorf("standard input: %w", err)
	}
	return fmt.Errorf("%s: %w", f.name, err)
}

func (f *importFile) close() {
	if f.opened != nil {
		_ = f.opened.Close() // read only
	}
}

// reading opens the file for its import; read is told the bytes as they are
// read, and rewound each new beginning.
func (f *importFile) reading(read func(int), rewound func()) (io.Reader, error) {
	if f.stream != nil {
		return &meter{f.stream, read}, nil
	}
	file, err := os.Open(f.name)
	if err != nil {
		return nil, fmt.Errorf("open the input: %w", err)
	}
	f.opened = file
	return &fileMeter{meter{file, read}, file, rewound}, nil
}

// meter counts what is read of a stream.
type meter struct {
	r    io.Reader
	read func(int)
}

// Read reads and counts.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.read(n)
	return n, err //nolint:wrapcheck // io.EOF has to stay itself
}

// fileMeter counts what is read of a file, from wherever.
type fileMeter struct {
	meter
	file    *os.File
	rewound func()
}

// ReadAt reads and counts.
func (m *fileMeter) ReadAt(p []byte, at int64) (int, error) {
	n, err := m.file.ReadAt(p, at)
	m.read(n)
	return n, err
}

// Seek moves within the file.
func (m *fileMeter) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		m.rewound()
	}
	return m.file.Seek(offset, whence)
}
