package consistency

import (
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

// These bound how often a right entry is accused of being wrong. The package comment says what follows from them.
const (
	asksAtFirst  = 2                // answers in a row, when a hit differs from the source
	asksToAccuse = 6                // answers in a row that must agree before an entry is accused
	asksInDoubt  = 60               // the same, when the class has slipped
	slipsToDoubt = 2                // slips after which a class does not repeat itself
	equalToTrust = 300              // comparisons without a slip after which it does again
	spanInGraces = 4                // how long an answer must last before it counts as lasting
	leastSpan    = 12 * time.Second // of a monitor
)

// habit is what a class of keys has shown of its loader.
type habit struct {
	slips   int  // times that the source changed its answer though nothing was evicted; 0 again after equalToTrust
	equal   int  // comparisons since the last slip in which all answers agreed
	lasting bool // an answer was seen to last for the span
	early   bool // an entry was accused before that was known
}

func (h *habit) slip() {
	h.slips++
	h.equal, h.lasting = 0, false
}

func (h *habit) agree() {
	if h.equal++; h.equal >= equalToTrust {
		h.slips = 0
	}
}

// verdict is what becomes of a difference that no eviction explains.
type verdict struct {
	wait   bool // it has to last longer
	wrong  bool // the entry is wrong; else the source does not repeat itself
	repair bool // the class can be trusted so far that Fix applies
}

// asks returns how many answers in a row must agree in the next comparison of a difference that has lasted so long.
func (c *classes) asks(name string, lasted time.Duration, changed bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of(name)
	if c.tooEarly(s, lasted) || changed && c.fickle(s, lasted) {
		return asksAtFirst
	}
	return c.needed(s)
}

// judge decides on a difference that no eviction explains and that has lasted so long, after so many answers in a row that
// agreed, and learns from it. Changed tells that the source gave different answers meanwhile, though never in a row.
func (c *classes) judge(name string, lasted time.Duration, asked int, changed bool) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of(name)
	if changed && c.fickle(s, lasted) {
		c.slipped(s)
		return verdict{}
	}
	if c.tooEarly(s, lasted) || asked < c.needed(s) { // the class may have slipped since they were asked for
		return verdict{wait: true}
	}
	v := verdict{wrong: true, repair: c.repeats(s)}
	if lasted < c.span && !c.lasting(s) {
		s.early = true
	}
	if changed {
		c.slipped(s)
		return v
	}
	if lasted >= c.span {
		s.lasting, c.whole.lasting = true, true
	}
	c.agreed(s)
	return v
}

// needed returns how many answers in a row must agree before an entry of a class is accused. Under mu.
func (c *classes) needed(s *classState) int {
	if s.slips > 0 || !c.repeats(s) {
		return asksInDoubt
	}
	return asksToAccuse
}

// fickle reports whether a source that changed its answer is not to be believed: the class does not repeat, or nothing
// shows that its answers last. In the latter case the first difference counts all the same. Under mu.
func (c *classes) fickle(s *classState, lasted time.Duration) bool {
	return !c.repeats(s) || !c.lasting(s) && (s.early || lasted >= c.span)
}

// tooEarly reports whether a difference has to last longer before it counts: for the span, if the class is in doubt, or
// if it has not yet shown that its answers last. In the latter case the first difference counts at once. Under mu.
func (c *classes) tooEarly(s *classState, lasted time.Duration) bool {
	return lasted < c.span && (!c.repeats(s) || !c.lasting(s) && s.early)
}

// lasting reports whether the answers for a class are known to last. A class that never slipped shares what the whole
// cache has shown. Under mu.
func (c *classes) lasting(s *classState) bool { return s.lasting || s.Slips == 0 && c.whole.lasting }

// slip learns that the source gave two different answers in a row though nothing was evicted.
func (c *classes) slip(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slipped(c.of(name))
}

// equal counts an answer that is equal to the source, and whose load began so long ago, and learns from it.
func (c *classes) equal(name string, age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of(name)
	s.Checked++
	if age >= c.span {
		s.lasting, c.whole.lasting = true, true
	}
	c.agreed(s)
}

// repeating reports whether the loader repeats its answers for a class, as far as is known.
func (c *classes) repeating(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.repeats(c.of(name))
}

// repeats reports whether the loader repeats its answers for a class. A class with too few comparisons of its own shares
// what the whole cache has shown. Under mu.
func (c *classes) repeats(s *classState) bool {
	return s.slips < slipsToDoubt && (c.whole.slips < slipsToDoubt || s.equal >= equalToTrust)
}

func (c *classes) agreed(s *classState) {
	s.agree()
	c.whole.agree()
	if s.equal == equalToTrust || c.whole.equal == equalToTrust {
		c.recount()
	}
}

func (c *classes) slipped(s *classState) {
	s.Slips++
	s.slip()
	c.whole.slip()
	c.recount()
	if !c.repeats(s) && !s.told {
		s.told = true
		c.tell = append(c.tell, s.Name)
	}
}

// logUnrepeating logs each class that does not repeat, once.
func logUnrepeating(entries *entry.Cache, all *classes) {
	for _, class := range all.news() {
		entries.Log().Warn("aside: the loader "+DoesNotRepeat+", so wrong entries are harder to find, and Fix leaves them; "+
			"sort what it returns, leave out the time, or write an Equal", "cache", entries.Name(), "class", class)
	}
}
