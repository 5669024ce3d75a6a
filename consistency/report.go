package consistency

import (
	"fmt"
	"io"
	"time"
)

// Report is what a monitor has found. It can be printed, and encoded as JSON, where durations are in nanoseconds.
type Report struct {
	Namespace string    `json:"namespace"`
	Cache     string    `json:"cache"`
	At        time.Time `json:"at"`
	Since     time.Time `json:"since"`   // when the monitor was attached
	Total     Counts    `json:"total"`   // since the store was opened, of all caches of this name
	Windows   []Window  `json:"windows"` // in the order of the spans given to the option Windows
	Classes   []Class   `json:"classes"` // of keys, the worst first
	Findings  []Finding `json:"findings"`
}

// Window is what was counted within a span of time that ends now.
type Window struct {
	Span       time.Duration `json:"span_ns"`     // as requested
	Covers     time.Duration `json:"covers_ns"`   // the real span: shorter while the monitor is younger
	HitRatio   float64       `json:"hit_ratio"`   // see [Counts.HitRatio]
	WrongRatio float64       `json:"wrong_ratio"` // see [Counts.WrongRatio]
	Counts
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
