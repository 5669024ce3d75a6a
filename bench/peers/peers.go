package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Product is what is cached.
type Product struct {
	ID, Name, Description, Category string
	Price                           int
	Tags                            []string
	Version                         int64
}

// Record is a product of about 1 kB of JSON.
func Record(id string) Product {
	return Product{
		ID: id, Name: "Trail Runner 5", Description: strings.Repeat("Light, quick and dry. ", 38), Category: "shoes",
		Price: 12900, Tags: []string{"shoes", "running", "outdoor"}, Version: 1,
	}
}

// Setup is where a node lives and what it loads.
type Setup struct {
	Addr   string // of Redis
	Prefix string // of all keys of this peer
	Load   func(ctx context.Context, id string) (Product, error)
	// LoadAll loads several. It is called with ids that the cache does not have.
	LoadAll func(ctx context.Context, ids []string) (map[string]Product, error)
	Hook    redis.Hook // sees the commands of peers that use go-redis; may be nil
}

// Node is one process that uses a peer.
type Node struct {
	Get    func(ctx context.Context, id string) (Product, error)
	GetAll func(ctx context.Context, ids []string) (map[string]Product, error) // nil if the peer can't
	Evict  func(ctx context.Context, id string) error                          // the delete that the documentation names
	// Forget makes the next read of each id ask Redis. It is nil for peers that keep nothing in the process, and for
	// those that keep nothing in Redis.
	Forget func(ctx context.Context, ids []string) error
	Close  func() error
}

// A Row is one kind of work.
type Row string

// The rows.
const (
	Hit      Row = "hit"
	Near     Row = "near"
	Miss     Row = "miss"
	Stampede Row = "stampede"
	Batch    Row = "batch"
	Stale    Row = "stale"
)

// Rows are all rows, in the order of the table.
var Rows = []Row{Hit, Near, Miss, Stampede, Batch, Stale}

// Peer is a library in one configuration.
type Peer struct {
	Name   string
	Module string // its version is looked up in the program
	Local  bool   // keeps nothing in Redis
	Open   func(ctx context.Context, s Setup) (*Node, error)
	Not    map[Row]string // rows that it can't do, and why
	Notes  map[Row]string // what to know of the figures of a row
}

// Names of the peers that others are measured by.
const (
	Plain = "go-redis GET"
	Aside = "aside"
	Otter = "otter"
)

// All are all peers, the measure of the others first.
func All() []Peer {
	return []Peer{
		plain, aside, asideNear, goRedisCache, goRedisCacheLocal, jetcache, gocache, rockscacheWeak, rockscacheStrong,
		rueidisAside, sturdycLocal, sturdycRedis, otterLocal,
	}
}

const (
	far     = time.Hour        // time to live in Redis; nothing expires while the program runs
	near    = 30 * time.Minute // time to live in the process
	entries = 10000            // in the process; ten times the keys, so that nothing is evicted
)

// client is the client that a node of a peer on go-redis has to itself, with go-redis's defaults.
func client(s Setup) *redis.Client {
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr})
	if s.Hook != nil {
		rdb.AddHook(s.Hook)
	}
	return rdb
}

// text is a loader for peers that keep strings.
func (s Setup) text(ctx context.Context, id string) (string, error) {
	p, err := s.Load(ctx, id)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(p)
	return string(raw), err
}

// product is what a peer that keeps strings has found.
func product(text string, err error) (p Product, _ error) {
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal([]byte(text), &p)
}

func (s Setup) keys(ids []string) []string {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = s.Prefix + id
	}
	return keys
}

func errMissing(id string) error { return fmt.Errorf("no answer for %s", id) }
