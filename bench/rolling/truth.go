package main

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/jollyjet/aside/bench/rolling/pipe"
)

// truth is a source that counts loads, and that can fail or never answer. Keys that begin with "absent" do not exist in it.
type truth struct {
	over chan struct{} // closed when those that never got an answer need none any more

	mu       sync.Mutex // guards what follows
	slowness time.Duration
	versions map[string]int64
	loads    map[string]int
	failing  bool
	stuck    map[string]chan struct{} // worker and key to what is closed when it has been asked or told
}

func newTruth() *truth {
	return &truth{over: make(chan struct{}), versions: map[string]int64{}, loads: map[string]int{}, stuck: map[string]chan struct{}{}}
}

func (t *truth) load(worker, key string) (int64, error) {
	t.mu.Lock()
	t.loads[key]++
	version, failing, slowness, began := t.versions[key], t.failing, t.slowness, t.stuck[worker+key]
	t.mu.Unlock()
	if began != nil {
		close(began)
		<-t.over
	}
	time.Sleep(slowness) // a loader whose answer is on its way
	if failing {
		return 0, errors.New("the source is away")
	}
	if strings.HasPrefix(key, "absent") {
		return 0, pipe.ErrAbsent
	}
	return version, nil
}

func (t *truth) store(worker, key string, version int64) error {
	t.mu.Lock()
	t.versions[key] = version
	began := t.stuck[worker+key]
	t.mu.Unlock()
	if began != nil {
		close(began)
		<-t.over
	}
	return nil
}

// hang lets the worker's next load or write of the key go without an answer. It returns what is closed when that has begun.
func (t *truth) hang(worker, key string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	began := make(chan struct{})
	t.stuck[worker+key] = began
	return began
}

func (t *truth) fail(failing bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failing = failing
}

func (t *truth) slow(slowness time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slowness = slowness
}

// loaded is how often the keys were loaded.
func (t *truth) loaded(keys ...string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		n += t.loads[key]
	}
	return n
}
