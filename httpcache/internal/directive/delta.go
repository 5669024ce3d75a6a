package directive

import (
	"time"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Delta is the argument of a directive that tells a time. The zero Delta is that of an absent directive.
type Delta struct {
	Time time.Duration // 0 if the directive has no valid one
	Set  bool          // the directive is there
}

// add notes a directive, once more if it was there already. The smaller time holds: RFC 9111, section 4.2.1 allows to use the
// first or to consider the answer stale, and this is one of the two at any age.
func (d *Delta) add(t time.Duration) {
	if !d.Set || t < d.Time {
		d.Time = t
	}
	d.Set = true
}

// addText adds the argument as Cache-Control has it, quoted or not.
func (d *Delta) addText(argument string) { d.add(seconds(argument)) }

// addLongest adds the argument of a directive whose longer time is the stricter one.
func (d *Delta) addLongest(argument string) {
	d.Time, d.Set = max(d.Time, seconds(argument)), true
}

// seconds reads an argument: 0 if it isn't a number.
func seconds(argument string) time.Duration {
	content, _ := field.Unquote(argument)
	t, _ := field.Seconds(content)
	return t
}
