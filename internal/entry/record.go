package entry

import (
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// Contents are what is to be stored under a key: what a load or a write came to.
type Contents struct {
	Negative bool // the source has nothing
	Payload  []byte
	TTL      time.Duration // how long it counts as fresh, in whole milliseconds
	Extra    time.Duration // how much longer it is kept, for when the source fails
	Cost     time.Duration // how long the load took
	Idle     time.Duration // it is kept for no longer than this, unless it is touched; 0 is no bound
	Tags     []string      // that are known from the value; see [Cache.TagsFromValues]
}

// lifetime is how long Redis keeps the contents.
func (r *Contents) lifetime() time.Duration {
	lifetime := r.TTL + r.Extra
	if r.Idle > 0 {
		lifetime = min(lifetime, r.Idle)
	}
	return lifetime
}

// longest is how long the contents can be kept, if they are touched.
func (r *Contents) longest() time.Duration { return r.TTL + r.Extra }

// record makes the bytes of an entry. Its time to live begins now, its age when the load began.
func (c *Cache) record(ref *Ref, numbers []byte, created int64, r Contents) []byte {
	loaded := max(0, time.Duration(c.cfg.Wire.Clock.Now()-created)*time.Microsecond)
	e := envelope.Entry{
		Kind: envelope.Value, Token: envelope.NewToken(), Created: created, TTL: loaded + r.TTL, Cost: r.Cost,
		Schema: c.schema, Versions: numbers, Key: []byte(ref.Full()), Tags: ref.names, Payload: r.Payload,
	}
	if r.Negative {
		e.Kind = envelope.Negative
	}
	record := envelope.Append(make([]byte, 0, envelope.Size(&e)), &e)
	c.bytesWritten.Add(int64(len(record)))
	return record
}
