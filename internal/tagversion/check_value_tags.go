package tagversion

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// Verdict is what the tags of an entry say of it.
type Verdict uint8

// The verdicts.
const (
	Current Verdict = iota
	Held            // a writer holds one of the tags, or its eviction is queued
	Evicted         // one of the tags was evicted
)

// EntryTags are the tags that an entry names, because its key does not tell them.
type EntryTags struct {
	Changes []Count       // of the tags, read before anything that is known of them
	Until   time.Duration // until when what is known of the tags may be used, as uptime; 0 if tracking vouches
	open    []openTag     // those that Redis has to be asked for
}

// openTag is a tag whose version is not believed, or not the one that is wanted.
type openTag struct {
	version *Version
	want    envelope.Version
}

// Open reports whether Redis has to be asked for some of the tags.
func (t *EntryTags) Open() bool { return len(t.open) > 0 }

// EntryTags looks at the tags that an otherwise current entry names, as far as this process knows them. numbers are the
// versions that the entry holds; queued reports whether an eviction of a Redis key is queued. The verdict is Held or
// Current; an evicted tag is open, for what seems evicted may be newer than what is known. Where it is strict all are open.
func (v *Versions) EntryTags(names []string, numbers []byte, strict bool, queued func(addr string) bool) (t EntryTags, verdict Verdict) {
	for i, name := range names {
		key, want := v.cfg.Keys.Tag(name), envelope.Version(numbers[i*envelope.VersionLen:])
		t.Changes = append(t.Changes, v.changes.Read(key.Addr()))
		if queued(key.Addr()) {
			t.open = nil
			return t, Held
		}
		one := v.tags.of(key)
		if state, until, ok := one.believed(&v.cfg); !ok || strict || state.Held || state.Number != want {
			t.open = append(t.open, openTag{one, want})
		} else {
			t.Until = Sooner(t.Until, until)
		}
	}
	return t, Current
}

// Ask asks Redis for the tags that are open, all in one round trip. It returns a verdict, and an error, for each entry.
func (v *Versions) Ask(ctx context.Context, entries ...*EntryTags) ([]Verdict, []error) {
	verdicts, errs := make([]Verdict, len(entries)), make([]error, len(entries))
	var reads []*wire.Call
	var learn []func(State)
	for _, t := range entries {
		for _, tag := range t.open {
			reads = append(reads, redisx.Get(tag.version.key.Addr()))
			learn = append(learn, tag.version.reading(&v.cfg))
		}
	}
	if len(reads) == 0 {
		return verdicts, errs
	}
	v.cfg.Wire.Gather(ctx, reads)
	for i, t := range entries {
		open := t.open
		t.open = nil
		for n, tag := range open {
			if err := reads[n].Err(); err != nil {
				errs[i] = wire.Unavailable(err)
				continue
			}
			state := stateOf(reads[n])
			learn[n](state)
			if verdicts[i] == Current {
				verdicts[i] = verdictOf(state, tag.want)
			}
		}
		reads, learn = reads[len(open):], learn[len(open):]
	}
	return verdicts, errs
}

func verdictOf(state State, want envelope.Version) Verdict {
	switch {
	case state.Held:
		return Held
	case state.Number != want:
		return Evicted
	default:
		return Current
	}
}

// ReadsOf returns calls that read the versions of tags.
func (v *Versions) ReadsOf(names []string) []*wire.Call {
	reads := make([]*wire.Call, len(names))
	for i, name := range names {
		reads[i] = redisx.Get(v.cfg.Keys.Tag(name).Addr())
	}
	return reads
}

// Same reports whether the versions that were read have these numbers.
func Same(reads []*wire.Call, numbers []byte) bool {
	for i, read := range reads {
		if verdictOf(stateOf(read), envelope.Version(numbers[i*envelope.VersionLen:])) != Current {
			return false
		}
	}
	return true
}
