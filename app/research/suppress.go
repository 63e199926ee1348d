package research

// FewerThan is the least count that is shown.
const FewerThan = 5

// Count is a count that may be withheld.
type Count struct {
	// N is 0 where the count is withheld.
	N        int
	Withheld bool
}

// countOf withholds 1 to 4. Zero is shown: it is about nobody.
func countOf(n int) Count {
	if n > 0 && n < FewerThan {
		return Count{Withheld: true}
	}
	return Count{N: n}
}

// veil is what is withheld of a table so far.
type veil struct {
	cells, sum int
	// large says that a count of FewerThan or more is among them.
	large bool
}

func (v *veil) add(n int) {
	v.cells, v.sum, v.large = v.cells+1, v.sum+n, v.large || n >= FewerThan
}

// thin reports whether the sum, which the total gives away, leaves one distribution only.
func (v veil) thin() bool {
	return v.cells < 2 || v.sum < FewerThan || v.sum == v.cells || !v.large && v.sum == v.cells*(FewerThan-1)
}

// partition withholds counts that add up to a total. Small counts are withheld;
// then, in the order of the categories, those after them, until what the total
// leaves over fits more than one distribution. Neither size decides which ones go
// along nor is it told which were small: either would narrow it down again. Where
// that does not help, ok is false, and neither the table nor the total may be shown.
func partition(counts []int) (cells []Count, ok bool) {
	cells = make([]Count, len(counts))
	var hidden veil
	first := -1
	for i, n := range counts {
		cells[i] = countOf(n)
		if cells[i].Withheld {
			hidden.add(n)
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return cells, true
	}
	for step := 1; step < len(cells) && hidden.thin(); step++ {
		next := (first + step) % len(cells)
		if cells[next].N > 0 {
			hidden.add(cells[next].N)
			cells[next] = Count{Withheld: true}
		}
	}
	return cells, !hidden.thin()
}

// nothing withholds every cell: even a zero would tell where the few are.
func nothing(n int) []Count {
	cells := make([]Count, n)
	for i := range cells {
		cells[i].Withheld = true
	}
	return cells
}
