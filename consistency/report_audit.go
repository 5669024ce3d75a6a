package consistency

import (
	"fmt"
	"io"
	"time"

	"github.com/jollyjet/aside/store"
)

// AuditReport is what an audit has found. It can be printed, and encoded as JSON, where durations are in nanoseconds.
type AuditReport struct {
	Namespace string           `json:"namespace"`
	Cache     string           `json:"cache"`
	Done      bool             `json:"done"` // all masters were walked to the end
	Took      time.Duration    `json:"took_ns"`
	Masters   int              `json:"masters"`
	Walked    int              `json:"walked"`            // masters that were walked to the end
	Position  Position         `json:"position"`          // where to resume; the beginning if the audit is done
	Entries   int64            `json:"entries"`           // entries found
	Unknown   int64            `json:"unknown"`           // of these, with a key that can't be parsed; see [ParseKey]
	Checks    store.CheckStats `json:"checks"`            // of the others; Gone counts those that are no longer valid
	Problem   string           `json:"problem,omitempty"` // the error of the latest failed check
	Classes   []Class          `json:"classes"`           // of keys, the worst first
	Findings  []Finding        `json:"findings"`
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
