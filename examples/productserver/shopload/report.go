package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/jollyjet/aside/store"
)

// measured is a phase as the callers, the database and the judge saw it.
type measured struct {
	outcome
	queries, writes int64 // commands to the database
	judged, stale   int64 // versions that reads found
}

type report struct {
	settings
	redis, database string
	pages           int
	plain, cached   measured
	caches          map[string]store.CacheStats
	bare            durations // of GETs that were sent all the while
}

// print prints the tables. It reports whether the shop got what it had asked for, and no read was stale.
func (r *report) print(out io.Writer) bool {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer func() { _ = w.Flush() }()
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }

	_, _ = fmt.Fprintf(out, "\n%d products, asked for in proportion to 1/rank^%v, written to alike; %.3g %% writes; %.3g %% of the reads are lists (%d pages)\n",
		r.products, r.zipf, 100*r.writes, 100*r.lists, r.pages)
	_, _ = fmt.Fprintf(out, "%d callers, %d nodes, %s, %s, seed %d; the cache is empty at first\n\n", r.callers, r.nodes, r.redis, r.database, r.seed)

	line("\twithout the cache\twith it\t\t")
	line("database queries\t%d\t%d\t%s fewer\t", r.plain.queries, r.cached.queries, percent(r.fewer()))
	line("database writes\t%d\t%d\t\t", r.plain.writes, r.cached.writes)
	line("requests per second\t%.0f\t%.0f\t\t", r.rate(r.plain), r.rate(r.cached))
	line("median of a read\t%s\t%s\t\t", ms(r.plain.reads.quantile(.5)), ms(r.cached.reads.quantile(.5)))
	line("p99 of a read\t%s\t%s\t\t", ms(r.plain.reads.quantile(.99)), ms(r.cached.reads.quantile(.99)))
	line("versions judged\t%d\t%d\t\t", r.plain.judged, r.cached.judged)
	line("stale\t%d\t%d\t\t", r.plain.stale, r.cached.stale)
	line("")

	line("cache\treads\thits\tmisses\tbypasses\tloads\thit ratio\tmedian of a hit\tp99 of a hit\tslowest hit\t")
	for _, name := range slices.Sorted(maps.Keys(r.caches)) {
		if c := r.caches[name]; reads(c) > 0 {
			hits := r.cached.hits[name]
			line("%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t", name, reads(c), served(c), c.Misses, c.Bypasses, c.Loads,
				percent(ratio(served(c), reads(c))), ms(hits.quantile(.5)), ms(hits.quantile(.99)), ms(hits.quantile(1)))
		}
	}
	line("(a bare GET)\t%d\t\t\t\t\t\t%s\t%s\t%s\t", len(r.bare), ms(r.bare.quantile(.5)), ms(r.bare.quantile(.99)), ms(r.bare.quantile(1)))
	line("")
	return r.verdict(line)
}

// verdict sets what was measured beside what the shop asked for and what this project aims at.
func (r *report) verdict(line func(string, ...any)) bool {
	var all store.CacheStats
	var hits durations
	for name, c := range r.caches {
		all.Hits += served(c)
		all.Misses += c.Misses
		all.Bypasses += c.Bypasses
		hits = append(hits, r.cached.hits[name]...)
	}
	hit, p99 := ratio(all.Hits, reads(all)), hits.quantile(.99)
	line("\tasked for\taimed at\tmeasured\t\t")
	asked, aimed := true, true
	row := func(what, ask, aim, got string, meetsAsk, meetsAim bool) {
		word := "reached"
		switch asked, aimed = asked && meetsAsk, aimed && meetsAim; {
		case !meetsAsk:
			word = "MISSED"
		case !meetsAim:
			word = "asked for, not aimed at"
		}
		line("%s\t%s\t%s\t%s\t%s\t", what, ask, aim, got, word)
	}
	row("fewer database queries", "50 %", "95 %", percent(r.fewer()), r.fewer() >= .5, r.fewer() >= .95)
	row("hit ratio", "80 %", "95 %", percent(hit), hit > .8, hit > .95)
	row("cached answer, p99", "100 ms", "5 ms", ms(p99), p99 < 100*time.Millisecond, p99 < 5*time.Millisecond)
	row("stale reads", "", "0", fmt.Sprint(r.cached.stale), r.cached.stale == 0, r.cached.stale == 0)
	return asked
}

// fewer is the share of the queries that the cache saved. Writes are no queries: no cache saves a write.
func (r *report) fewer() float64 { return 1 - ratio(r.cached.queries, r.plain.queries) }

func (r *report) rate(m measured) float64 { return float64(r.requests) / m.took.Seconds() }

func served(c store.CacheStats) int64 { return c.Hits + c.NegativeHits + c.StaleHits }

func reads(c store.CacheStats) int64 { return served(c) + c.Misses + c.Bypasses }

func ratio(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func percent(f float64) string { return fmt.Sprintf("%.1f %%", 100*f) }

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }
