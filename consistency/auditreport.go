package consistency

import (
	"fmt"
	"io"
	"time"

	"github.com/jollyjet/aside/store"
)

// AuditReport is what an audit has found. It can be printed, and encoded as JSON; durations are in nanoseconds there.
type AuditReport struct {
	Namespace string           `json:"namespace"`
	Cache     string           `json:"cache"`
	Done      bool             `json:"done"` // it has come to the end
	Took      time.Duration    `json:"took_ns"`
	Masters   int              `json:"masters"`
	Walked    int              `json:"walked"`            // of the masters, to the end
	Position  store.Position   `json:"position"`          // where to resume; the beginning if it is done
	Entries   int64            `json:"entries"`           // found
	Unknown   int64            `json:"unknown"`           // of these, with a key that can't be parsed; see [ParseKey]
	Checks    store.CheckStats `json:"checks"`            // the others; Gone are those that a read would not be answered with
	Problem   string           `json:"problem,omitempty"` // the last error of those that failed
	Classes   []Class          `json:"classes"`           // of keys, the worst first
	Findings  []Finding        `json:"findings"`
}

func (r *AuditReport) count(v verdict) {
	c := &r.Checks
	switch v.outcome {
	case store.CheckEqual:
		c.Equal++
	case store.CheckDiffers:
		c.Differs++
	case store.CheckExplained:
		c.Explained++
	case store.CheckUnsettled:
		c.Unsettled++
	case store.CheckGone:
		c.Gone++
	default:
		c.Failed++
		if v.err != nil {
			r.Problem = v.err.Error()
		}
	}
}

// String returns the report as tables for people.
func (r AuditReport) String() string {
	return tables(func(w io.Writer) {
		fmt.Fprintf(w, "audit of the cache %s of %s: %s after %s, %d of %d masters\n\n",
			r.Cache, r.Namespace, r.state(), rounded(r.Took), r.Walked, r.Masters)
		fmt.Fprintf(w, "entries\t%d\t\nwith unknown keys\t%d\t\n\n", r.Entries, r.Unknown)
		writeOutcomes(w, r.Checks)
		if r.Problem != "" {
			fmt.Fprintf(w, "failed: %s\n", r.Problem)
		}
		writeClasses(w, r.Classes)
		writeFindings(w, r.Findings)
	})
}

func (r *AuditReport) state() string {
	if r.Done {
		return "done"
	}
	return "not done"
}
