package document

import (
	"bytes"
	"encoding/hex"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"healthportal/app/genomics"
)

func (i *Info) readPDF(r io.ReaderAt, size int64, head, tail []byte) {
	at := bytes.Index(head[:min(len(head), 1024)], []byte("%PDF-"))
	switch {
	case at < 0:
		i.mismatch("the name says PDF, the content is something else")
		return
	case bytes.IndexByte(head[:at], '<') >= 0:
		i.mismatch("something else stands before the PDF in the file")
		return
	case !bytes.Contains(tail, []byte("%%EOF")):
		i.mismatch("the PDF lacks its end mark: it is cut off, or still being written")
		return
	}
	dict := infoDict(r, size, tail)
	if title := genomics.CleanText(stringEntry(dict, "Title")); saysSomething(title) {
		i.Title = title
	}
	i.Tool = genomics.CleanText(stringEntry(dict, "Creator"))
	if i.Tool == "" {
		i.Tool = genomics.CleanText(stringEntry(dict, "Producer"))
	}
	i.GeneratedAt = pdfTime(stringEntry(dict, "CreationDate"))
}

// saysSomething is false for the titles that tools write when they have none:
// placeholders and the path of an input file.
func saysSomething(title string) bool {
	low := strings.ToLower(title)
	return title != "" && len(title) <= maxTitle && low != "untitled" && low != "(untitled)" &&
		!strings.HasPrefix(title, "/") && !strings.Contains(title, `\`)
}

var (
	reInfo = regexp.MustCompile(`/Info\s+(\d{1,9})\s+(\d{1,5})\s+R`)
	reXref = regexp.MustCompile(`startxref\s+(\d{1,18})`)
)

// infoDict finds the document information dictionary where the file has a plain
// cross-reference table; anything more involved (compressed, encrypted, updated)
// yields nil, and the report keeps its file name as title.
func infoDict(r io.ReaderAt, size int64, tail []byte) []byte {
	ref, xref := reInfo.FindAllSubmatch(tail, -1), reXref.FindAllSubmatch(tail, -1)
	if len(ref) == 0 || len(xref) == 0 || bytes.Contains(tail, []byte("/Encrypt")) {
		return nil
	}
	number, gen := ref[len(ref)-1][1], ref[len(ref)-1][2]
	table, err := strconv.ParseInt(string(xref[len(xref)-1][1]), 10, 64)
	if err != nil || table >= size {
		return nil
	}
	b, err := section(r, table, min(size-table, headSize))
	if err != nil {
		return nil
	}
	n, err := strconv.Atoi(string(number))
	if err != nil {
		return nil
	}
	off, ok := xrefOffset(b, n)
	if !ok || off >= size {
		return nil
	}
	obj, err := section(r, off, min(size-off, 16<<10))
	if err != nil {
		return nil
	}
	start := string(number) + " " + string(gen) + " obj"
	if !bytes.HasPrefix(obj, []byte(start)) {
		return nil
	}
	end := bytes.Index(obj, []byte("endobj"))
	if end < 0 {
		return nil
	}
	return obj[len(start):end]
}

// xrefOffset looks object number n up in a plain cross-reference table.
func xrefOffset(b []byte, n int) (int64, bool) {
	lines := strings.FieldsFunc(string(b), func(c rune) bool { return c == '\n' || c == '\r' })
	if len(lines) == 0 || strings.TrimSpace(lines[0]) != "xref" {
		return 0, false
	}
	for i := 1; i < len(lines); {
		f := strings.Fields(lines[i])
		if len(f) != 2 {
			return 0, false
		}
		first, err1 := strconv.Atoi(f[0])
		count, err2 := strconv.Atoi(f[1])
		if err1 != nil || err2 != nil || count < 0 || count > len(lines) {
			return 0, false
		}
		if n >= first && n < first+count && i+1+n-first < len(lines) {
			e := strings.Fields(lines[i+1+n-first])
			if len(e) != 3 || e[2] != "n" {
				return 0, false
			}
			off, err := strconv.ParseInt(e[0], 10, 64)
			return off, err == nil
		}
		i += 1 + count
	}
	return 0, false
}

// stringEntry returns the text of a string entry of a dictionary, or empty.
func stringEntry(dict []byte, key string) string {
	_, rest, ok := bytes.Cut(dict, []byte("/"+key))
	if !ok {
		return ""
	}
	rest = bytes.TrimLeft(rest, " \t\r\n\f")
	switch {
	case bytes.HasPrefix(rest, []byte("<<")), len(rest) == 0:
		return ""
	case rest[0] == '<':
		end := bytes.IndexByte(rest, '>')
		if end < 0 {
			return ""
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(string(rest[1:end])), ""))
		if err != nil {
			return ""
		}
		return pdfText(b)
	case rest[0] == '(':
		b, ok := literal(rest[1:])
		if !ok {
			return ""
		}
		return pdfText(b)
	default:
		return ""
	}
}

// literal reads a literal string up to its closing parenthesis.
func literal(b []byte) ([]byte, bool) {
	var out []byte
	depth := 1
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return out, true
			}
		case '\\':
			n, esc := escape(b[i+1:])
			if n == 0 {
				return nil, false
			}
			out = append(out, esc...)
			i += n
			continue
		}
		out = append(out, b[i])
	}
	return nil, false
}

// escape decodes what follows a backslash and says how many bytes it took.
func escape(b []byte) (int, []byte) {
	if len(b) == 0 {
		return 0, nil
	}
	switch c := b[0]; {
	case c == '\r' && len(b) > 1 && b[1] == '\n':
		return 2, nil
	case c == '\n' || c == '\r':
		return 1, nil
	case c >= '0' && c <= '7':
		n, v := 0, 0
		for n < 3 && n < len(b) && b[n] >= '0' && b[n] <= '7' {
			v, n = v*8+int(b[n]-'0'), n+1
		}
		return n, []byte{byte(v)}
	default:
		if i := strings.IndexByte("nrtbf", c); i >= 0 {
			c = "\n\r\t\b\f"[i]
		}
		return 1, []byte{c}
	}
}

// pdfText decodes UTF-16BE and UTF-8 by their marks; other bytes are taken where
// PDFDocEncoding equals Latin-1, and the whole string is dropped where it does not.
func pdfText(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		units := make([]uint16, 0, len(b)/2)
		for i := 2; i+1 < len(b); i += 2 {
			units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
		}
		return string(utf16.Decode(units))
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return string(b[3:])
	}
	runes := make([]rune, 0, len(b))
	for _, c := range b {
		if (c >= 0x18 && c < 0x20) || (c >= 0x7F && c <= 0xA0) {
			return ""
		}
		runes = append(runes, rune(c))
	}
	return string(runes)
}

var rePDFTime = regexp.MustCompile(`^D:(\d{14})(Z|[+-]\d{2}'\d{2}'?)`)

// pdfTime reads D:YYYYMMDDHHmmSS with its zone; without zone it is no instant.
func pdfTime(s string) time.Time {
	m := rePDFTime.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}
	}
	zone := strings.ReplaceAll(m[2], "'", "")
	if zone == "Z" {
		zone = "+0000"
	}
	t, err := time.Parse("20060102150405-0700", m[1]+zone)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
