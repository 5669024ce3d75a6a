package codectest

import (
	"time"

	"pgregory.net/rapid"
)

// records generates records within what every codec keeps.
func records() *rapid.Generator[Record] { return recordsTo(2) }

// recordsTo generates records with up to depth levels of parents.
func recordsTo(depth int) *rapid.Generator[Record] {
	return rapid.Custom(func(t *rapid.T) Record {
		r := Record{
			ID:      rapid.Uint64().Draw(t, "id"),
			Balance: rapid.Int64().Draw(t, "balance"),
			Score:   rapid.Float64().Draw(t, "score"),
			Ratio:   rapid.Float32().Draw(t, "ratio"),
			Active:  rapid.Bool().Draw(t, "active"),
			Name:    rapid.String().Draw(t, "name"),
			Raw:     rapid.SliceOf(rapid.Byte()).Draw(t, "raw"),
			Tags:    rapid.SliceOf(rapid.String()).Draw(t, "tags"),
			Grid:    rapid.SliceOfN(rapid.SliceOf(rapid.Int()), 0, 4).Draw(t, "grid"),
			Parts:   rapid.SliceOfN(parts(), 0, 4).Draw(t, "parts"),
			Links:   rapid.SliceOfN(rapid.Ptr(parts(), true), 0, 4).Draw(t, "links"),
			ByName:  rapid.MapOfN(rapid.String(), parts(), 0, 4).Draw(t, "by name"),
			ByID:    rapid.MapOfN(rapid.Int64(), rapid.String(), 0, 4).Draw(t, "by id"),
			Limit:   rapid.Ptr(rapid.Int64(), true).Draw(t, "limit"),
			At:      times().Draw(t, "at"),
			Took:    time.Duration(rapid.Int64().Draw(t, "took")),
			Audit:   Audit{By: rapid.String().Draw(t, "by"), Version: rapid.Uint32().Draw(t, "version")},
		}
		copy(r.Digest[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "digest"))
		if depth > 0 {
			r.Parent = rapid.Ptr(recordsTo(depth-1), true).Draw(t, "parent")
		}
		return r
	})
}

func parts() *rapid.Generator[Part] {
	return rapid.Custom(func(t *rapid.T) Part {
		return Part{
			SKU:   rapid.String().Draw(t, "sku"),
			Count: rapid.Int().Draw(t, "count"),
			Price: rapid.Float64().Draw(t, "price"),
		}
	})
}

// times generates times of the years that RFC 3339 can write in any zone, with
// zone offsets of whole minutes.
func times() *rapid.Generator[time.Time] {
	first := time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	last := time.Date(9998, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	return rapid.Custom(func(t *rapid.T) time.Time {
		zone := time.FixedZone("", 60*rapid.IntRange(-12*60, 14*60).Draw(t, "offset"))
		return time.Unix(
			rapid.Int64Range(first, last).Draw(t, "seconds"),
			rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"),
		).In(zone)
	})
}
