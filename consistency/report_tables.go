package consistency

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jollyjet/aside/store"
)

// tables returns what write writes, with columns aligned.
func tables(write func(io.Writer)) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	write(w)
	_ = w.Flush() // a strings.Builder never fails
	return b.String()
}

func writeCounts(w io.Writer, title string, c Counts) {
	k := c.Checks
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t\n", title, c.Reads(), percent(c.Reads(), c.HitRatio()),
		percent(c.Reads(), c.StaleRatio()), c.Misses, c.Bypasses, c.LoadErrors, k.Equal+k.Differs,
		percent(k.Equal+k.Differs, c.WrongRatio()), meanAge(k))
}

func writeOutcomes(w io.Writer, k store.CheckStats) {
	fmt.Fprint(w, "checks: equal\twrong\texplained\tunsettled\tgone\tfailed\tdropped\tskipped\trepaired\t\n")
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n",
		k.Equal, k.Differs, k.Explained, k.Unsettled, k.Gone, k.Failed, k.Dropped, k.Skipped, k.Repaired)
	if k.Hanging > 0 {
		fmt.Fprintf(w, "%d calls of the loader for comparisons hang; let the loader end with its context\n", k.Hanging)
	}
}

// maxRows bounds the tables of classes and findings; JSON has them all.
const maxRows = 20

// writeClasses writes nothing if no class is worse than another.
func writeClasses(w io.Writer, all []Class) {
	for _, c := range all {
		if c.Status != "" {
			fmt.Fprintf(w, "%s: the loader %s (%d slips): wrong entries are harder to find, and Fix leaves them; "+
				"sort what it returns, leave out the time, or write an Equal\n", c.Name, c.Status, c.Slips)
		}
		if c.Lost != "" {
			fmt.Fprintf(w, "%s: the codec changes the values (%s): their hits are wrong, and Fix does not help; "+
				"change the type or the codec, or say that it is meant with cacheable.Lossy or cacheable.Equal\n", c.Name, c.Lost)
		}
	}
	if len(all) == 0 || all[0].Differs == 0 {
		return
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
	for i := range all[:min(len(all), maxRows)] {
		f := &all[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%t\t  %s\n",
			f.Cached, f.Source, wrongFor(f), f.Repaired, strings.TrimSpace(f.Key+"  "+f.Detail))
	}
	if more := len(all) - maxRows; more > 0 {
		fmt.Fprintf(w, "... and %d more\n", more)
	}
}

// wrongFor says for how long an entry has been wrong, as a range where the exact time is not known.
func wrongFor(f *Finding) string {
	if f.MinAge == f.MaxAge {
		return rounded(f.MaxAge)
	}
	return rounded(f.MinAge) + " to " + rounded(f.MaxAge)
}

// percent is "-" if the whole is 0.
func percent(whole int64, fraction float64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*fraction)
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
