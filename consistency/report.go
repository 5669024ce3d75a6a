package consistency

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jollyjet/aside/store"
)

// Report is what a monitor has to tell. It can be printed, and encoded as JSON; durations are in nanoseconds there.
type Report struct {
	Namespace string    `json:"namespace"`
	Cache     string    `json:"cache"`
	At        time.Time `json:"at"`
	Since     time.Time `json:"since"`   // when the monitor was attached
	Total     Counts    `json:"total"`   // since the store was opened, by all caches of the name
	Windows   []Window  `json:"windows"` // the spans asked for, in their order
	Classes   []Class   `json:"classes"` // of keys, the worst first
	Findings  []Finding `json:"findings"`
}

// Window is what was counted within a span of time that ends now.
type Window struct {
	Span       time.Duration `json:"span_ns"`     // what was asked for
	Covers     time.Duration `json:"covers_ns"`   // what it is: less if the monitor is younger
	HitRatio   float64       `json:"hit_ratio"`   // see [Counts.HitRatio]
	WrongRatio float64       `json:"wrong_ratio"` // see [Counts.WrongRatio]
	Counts
}

// Report returns what has been found so far, and looks back on the spans of [Windows].
func (m *Monitor) Report() Report {
	now := markOf(m.space.Store().Stats())
	name := m.space.Name()
	r := Report{
		Namespace: m.space.Store().Namespace(), Cache: name, At: now.at, Since: m.began, Total: now.caches[name],
	}
	for _, span := range m.windows {
		counts, covers := m.history.since(now, span)
		c := counts[name]
		r.Windows = append(r.Windows, Window{
			Span: span, Covers: covers, HitRatio: c.HitRatio(), WrongRatio: c.WrongRatio(), Counts: c,
		})
	}
	r.Classes, r.Findings = m.ledger.report()
	return r
}

// String returns the report as tables for people.
func (r Report) String() string {
	return tables(func(w io.Writer) {
		fmt.Fprintf(w, "cache %s of %s\n\n", r.Cache, r.Namespace)
		fmt.Fprint(w, "last\treads\thits\tstale\tmisses\tbypasses\tload errors\tchecked\twrong\tage at most\t\n")
		for _, win := range r.Windows {
			writeCounts(w, win.Span.String(), win.Counts)
		}
		writeCounts(w, "in all", r.Total)
		fmt.Fprintln(w)
		writeOutcomes(w, r.Total.Checks)
		writeClasses(w, r.Classes)
		writeFindings(w, r.Findings)
	})
}

// tables has write write tables whose columns are to be aligned.
func tables(write func(io.Writer)) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	write(w)
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

func writeCounts(w io.Writer, title string, c Counts) {
	k := c.Checks
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t\n", title, c.Reads(), percent(c.Reads(), c.HitRatio()),
		percent(c.Reads(), c.StaleRatio()), c.Misses, c.Bypasses, c.LoadErrors, k.Equal+k.Differs,
		percent(k.Equal+k.Differs, c.WrongRatio()), meanAge(k))
}

// percent is empty where there is nothing to have a part of.
func percent(of int64, part float64) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*part)
}

func meanAge(k store.CheckStats) string {
	if k.Differs == 0 {
		return "-"
	}
	return rounded(k.DifferedFor / time.Duration(k.Differs))
}

func rounded(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func writeOutcomes(w io.Writer, k store.CheckStats) {
	fmt.Fprint(w, "checks: equal\twrong\texplained\tunsettled\tgone\tfailed\tdropped\trepaired\t\n")
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n",
		k.Equal, k.Differs, k.Explained, k.Unsettled, k.Gone, k.Failed, k.Dropped, k.Repaired)
}

// maxRows bounds the tables of classes and findings; JSON has them all.
const maxRows = 20

func writeClasses(w io.Writer, all []Class) {
	if len(all) == 0 || all[0].Differs == 0 {
		return // there is nothing to tell apart
	}
	fmt.Fprint(w, "\nchecked\twrong\t  class of keys\n")
	for _, c := range all[:min(len(all), maxRows)] {
		fmt.Fprintf(w, "%d\t%s\t  %s\n", c.Checked, percent(c.Checked, ratio(c.Differs, c.Checked)), c.Name)
	}
}

func writeFindings(w io.Writer, all []Finding) {
	if len(all) == 0 {
		return
	}
	fmt.Fprint(w, "\ncached\tsource\twrong for\trepaired\t  wrong key\n")
	for _, f := range all[:min(len(all), maxRows)] {
		fmt.Fprintf(w, "%s\t%s\t%s\t%t\t  %s\n", f.Cached, f.Source, f.age(), f.Repaired, strings.TrimSpace(f.Key+"  "+f.Detail))
	}
	if more := len(all) - maxRows; more > 0 {
		fmt.Fprintf(w, "... and %d more\n", more)
	}
}

// age says for how long an entry has been wrong, as far as that is known.
func (f *Finding) age() string {
	if f.MinAge == f.MaxAge {
		return rounded(f.MaxAge)
	}
	return rounded(f.MinAge) + " to " + rounded(f.MaxAge)
}
