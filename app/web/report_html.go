package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxToken bounds what is held of an HTML report at once: one tag or text.
const maxToken = 64 << 20

// storageShim stands in for the storage that a sandboxed document does not
// have; MultiQC's bundle calls it unguarded. It forgets everything.
const storageShim = `<script>for(const n of["localStorage","sessionStorage"]){try{window[n].length}catch{const m=new Map();` +
	`Object.defineProperty(window,n,{value:{getItem:k=>m.get(String(k))??null,setItem:(k,v)=>{m.set(String(k),String(v))},` +
	`removeItem:k=>{m.delete(String(k))},clear:()=>m.clear(),key:i=>[...m.keys()][i]??null,get length(){return m.size}}})}}</script>`

// copySafely copies an HTML document as it stands but for its resource hints,
// which connect to other hosts before any policy is asked, and for automatic
// leaving. With scripts it puts the storage shim before the first script.
func copySafely(w io.Writer, r io.Reader, scripts bool) error {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxToken)
	shimmed := !scripts
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			if errors.Is(z.Err(), io.EOF) {
				return nil
			}
			return fmt.Errorf("read an HTML report: %w", z.Err())
		}
		// Raw is overwritten by looking at the tag.
		raw := slices.Clone(z.Raw())
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
			name, more := z.TagName()
			if hint(name, more, z) {
				continue
			}
			if !shimmed && string(name) == "script" {
				shimmed = true
				raw = append([]byte(storageShim), raw...)
			}
		}
		if _, err := w.Write(raw); err != nil {
			return fmt.Errorf("send an HTML report: %w", err)
		}
	}
}

// hint reports whether a tag makes the browser connect or leave by itself.
func hint(name []byte, more bool, z *html.Tokenizer) bool {
	link, meta := string(name) == "link", string(name) == "meta"
	if !link && !meta {
		return false
	}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch {
		case link && string(key) == "rel" && !onlyStyles(value):
			return true
		case meta && string(key) == "http-equiv" && leaves(value):
			return true
		}
	}
	return false
}

// onlyStyles keeps the link types that fetch nothing which the policy does not see.
func onlyStyles(rel []byte) bool {
	for _, word := range strings.Fields(strings.ToLower(string(rel))) {
		switch word {
		case "stylesheet", "icon", "shortcut", "alternate", "canonical", "author", "license", "help":
		default:
			return false
		}
	}
	return true
}

func leaves(equiv []byte) bool {
	switch string(bytes.ToLower(bytes.TrimSpace(equiv))) {
	case "refresh", "link", "x-dns-prefetch-control", "origin-trial":
		return true
	default:
		return false
	}
}
