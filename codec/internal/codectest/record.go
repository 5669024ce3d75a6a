// Package codectest is the conformance suite that every codec and every
// composition of codecs has to pass.
package codectest

import (
	"math"
	"time"
)

// Record has a field of every kind that a cached value is likely to have.
type Record struct {
	ID      uint64           `json:"id"`
	Balance int64            `json:"balance"`
	Score   float64          `json:"score"`
	Ratio   float32          `json:"ratio"`
	Active  bool             `json:"active"`
	Name    string           `json:"name"`
	Raw     []byte           `json:"raw"`
	Digest  [4]byte          `json:"digest"`
	Tags    []string         `json:"tags"`
	Grid    [][]int          `json:"grid"`
	Parts   []Part           `json:"parts"`
	Links   []*Part          `json:"links"`
	ByName  map[string]Part  `json:"by_name"`
	ByID    map[int64]string `json:"by_id"`
	Parent  *Record          `json:"parent,omitempty"`
	Limit   *int64           `json:"limit,omitempty"`
	At      time.Time        `json:"at"`
	Took    time.Duration    `json:"took"`
	Hidden  string           `json:"-"`
	Audit
}

// Part is nested in a [Record].
type Part struct {
	SKU   string  `json:"sku"`
	Count int     `json:"count"`
	Price float64 `json:"price"`
}

// Audit is embedded in a [Record].
type Audit struct {
	By      string `json:"by"`
	Version uint32 `json:"version"`
}

// Full returns a record in which every field is set, most to an extreme.
func Full() Record {
	limit := int64(math.MinInt64)
	part := Part{SKU: "Ω-1", Count: -3, Price: 19.99}
	return Record{
		ID:      math.MaxUint64,
		Balance: math.MaxInt64 - 1,
		Score:   math.SmallestNonzeroFloat64,
		Ratio:   math.MaxFloat32,
		Active:  true,
		Name:    "žluťoučký kůň 🐎 \x00 \u2028 <&> \"\\",
		Raw:     []byte{0, 1, 0xff, 0xc0, '"'},
		Digest:  [4]byte{0xde, 0xad, 0, 1},
		Tags:    []string{"", "a", "日本語"},
		Grid:    [][]int{{1, -1}, {}, nil, {math.MaxInt, math.MinInt}},
		Parts:   []Part{part, {}},
		Links:   []*Part{&part, nil},
		ByName:  map[string]Part{"": {}, "é": part},
		ByID:    map[int64]string{math.MinInt64: "min", 1<<53 + 1: "beyond float64"},
		Parent:  &Record{Name: "parent", Tags: []string{}},
		Limit:   &limit,
		At:      time.Date(2026, 2, 28, 23, 59, 59, 123456789, time.FixedZone("NPT", 5*3600+45*60)),
		Took:    time.Nanosecond,
		Audit:   Audit{By: "root", Version: math.MaxUint32},
	}
}

// OneKB returns a record whose JSON is about 1 kB of ordinary content.
func OneKB() Record {
	r := Record{
		ID: 8237461, Balance: 129900, Score: 0.8731, Ratio: 1.5, Active: true,
		Name:   "Trail running shoe, men, waterproof",
		Raw:    []byte("9f86d081884c7d659a2feaa0c55ad015"),
		Digest: [4]byte{1, 2, 3, 4},
		Tags:   []string{"shoes", "running", "outdoor", "waterproof", "sale"},
		Grid:   [][]int{{38, 4}, {39, 0}, {40, 12}, {41, 7}},
		ByName: map[string]Part{"default": {SKU: "TRS-M-40", Count: 12, Price: 129.9}},
		ByID:   map[int64]string{1: "warehouse-east", 2: "warehouse-west"},
		At:     time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC),
		Took:   1500 * time.Millisecond,
		Audit:  Audit{By: "importer", Version: 7},
	}
	for _, sku := range []string{"TRS-M-38", "TRS-M-39", "TRS-M-40", "TRS-M-41", "TRS-M-42"} {
		r.Parts = append(r.Parts, Part{SKU: sku, Count: 12, Price: 129.9})
		r.Links = append(r.Links, &Part{SKU: sku + "-W", Count: 3, Price: 139.9})
	}
	return r
}
