package flight_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/flight"
)

// slowly is a batch that takes a second, and answers with the number of the batch.
func slowly(batches *atomic.Int64, seen *[][]string) flight.Batch[string, int] {
	return func(keys []string, rounds []*flight.Round, done func(int, flight.Outcome[int])) {
		n := int(batches.Add(1))
		*seen = append(*seen, slices.Clone(keys))
		marks := make([]flight.Mark, len(keys))
		for i, r := range rounds {
			marks[i] = r.Cover()
		}
		time.Sleep(time.Second)
		for i := range keys {
			done(i, flight.Outcome[int]{Value: n, Mark: marks[i]})
		}
	}
}

func TestKeysThatNobodyWorksOnAreWorkedOnTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, batches, seen := newGroup(), atomic.Int64{}, [][]string{}
		results := g.DoAll(t.Context(), []string{"a", "b", "c"}, slowly(&batches, &seen))
		require.Equal(t, []flight.Result[int]{{Value: 1}, {Value: 1}, {Value: 1}}, results)
		require.Equal(t, [][]string{{"a", "b", "c"}}, seen)
		require.Empty(t, g.DoAll(t.Context(), nil, slowly(&batches, &seen)))
	})
}

// DoAll waits for keys on which other work is running, and then works on them again: a late caller gets a later
// round.
func TestKeysOnWhichOthersWorkAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, batches, seen := newGroup(), atomic.Int64{}, [][]string{}
		single := make(chan int, 1)
		go func() {
			v, _ := g.Do(t.Context(), "b", func(r *flight.Round) flight.Outcome[int] {
				mark := r.Cover()
				time.Sleep(3 * time.Second)
				return flight.Outcome[int]{Value: 100, Mark: mark}
			})
			single <- v
		}()
		time.Sleep(time.Second)
		began := time.Now()
		results := g.DoAll(t.Context(), []string{"a", "b", "c"}, slowly(&batches, &seen))
		require.Equal(t, []flight.Result[int]{{Value: 1}, {Value: 2}, {Value: 1}}, results)
		require.Equal(t, 3*time.Second, time.Since(began))
		require.Equal(t, [][]string{{"a", "c"}, {"b"}}, seen)
		require.Equal(t, 100, <-single)
	})
}

// The answer for a key does not wait for the others of its batch.
func TestAKeyIsAnsweredBeforeItsBatchIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup()
		batch := func(keys []string, rounds []*flight.Round, done func(int, flight.Outcome[int])) {
			for i, r := range rounds {
				time.Sleep(time.Second)
				done(i, flight.Outcome[int]{Value: i, Mark: r.Cover()})
			}
		}
		go func() { g.DoAll(t.Context(), []string{"a", "b", "c", "d"}, batch) }()
		synctest.Wait()
		began := time.Now()
		v, err := g.Do(t.Context(), "a", func(*flight.Round) flight.Outcome[int] { panic("it is being worked on") })
		require.NoError(t, err)
		require.Zero(t, v)
		require.Equal(t, time.Second, time.Since(began))
		v, err = g.Do(t.Context(), "a", func(r *flight.Round) flight.Outcome[int] { return flight.Outcome[int]{Value: 9, Mark: r.Cover()} })
		require.NoError(t, err)
		require.Equal(t, 9, v, "the batch is not over, but that key is")
		time.Sleep(time.Minute)
	})
}

func TestACallerOfSeveralKeysLeavesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, batches, seen := newGroup(), atomic.Int64{}, [][]string{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		go func() {
			for _, r := range g.DoAll(ctx, []string{"a", "b"}, slowly(&batches, &seen)) {
				if r.Err != context.DeadlineExceeded { //nolint:errorlint // as it is
					t.Errorf("%v", r.Err)
				}
			}
		}()
		synctest.Wait()
		results := g.DoAll(t.Context(), []string{"b", "a"}, slowly(&batches, &seen))
		for _, r := range results {
			require.NoError(t, r.Err)
		}
		require.EqualValues(t, 2, batches.Load(), "they came when the first had begun")
	})
}

func TestSeveralKeysWhenTheWorkCannotStartOrBreaks(t *testing.T) {
	g := &group{Start: func(func()) bool { return false }}
	for range 2 {
		for _, r := range g.DoAll(t.Context(), []string{"a", "b"}, nil) {
			require.ErrorIs(t, r.Err, flight.ErrClosed)
		}
	}

	var panics atomic.Int64
	g = &group{Start: func(f func()) bool {
		go func() {
			defer func() {
				if recover() != nil {
					panics.Add(1)
				}
			}()
			f()
		}()
		return true
	}}
	half := func(keys []string, rounds []*flight.Round, done func(int, flight.Outcome[int])) {
		done(0, flight.Outcome[int]{Value: 1, Mark: rounds[0].Cover()})
		panic("half way")
	}
	for range 2 {
		results := g.DoAll(t.Context(), []string{"a", "b"}, half)
		require.Equal(t, flight.Result[int]{Value: 1}, results[0])
		require.ErrorIs(t, results[1].Err, flight.ErrBroken)
	}
	_, err := g.Do(t.Context(), "b", func(*flight.Round) flight.Outcome[int] { panic("at once") })
	require.ErrorIs(t, err, flight.ErrBroken)
	v, err := g.Do(t.Context(), "b", func(r *flight.Round) flight.Outcome[int] { return flight.Outcome[int]{Value: 5, Mark: r.Cover()} })
	require.NoError(t, err)
	require.Equal(t, 5, v, "the key is free again")
}

// Callers of one key and of several come at random: no caller gets an answer from before its question.
func TestNobodyIsAnsweredFromBeforeTheQuestionInBatches(t *testing.T) {
	g, w := newGroup(), &work{}
	batch := func(keys []string, rounds []*flight.Round, done func(int, flight.Outcome[int])) {
		for _, i := range rand.Perm(len(keys)) {
			mark := rounds[i].Cover()
			done(i, flight.Outcome[int]{Value: w.read(), Mark: mark})
		}
	}
	ask := func() (int, error) {
		if rand.N(2) == 0 {
			return g.Do(t.Context(), "a", func(r *flight.Round) flight.Outcome[int] {
				mark := r.Cover()
				return flight.Outcome[int]{Value: w.read(), Mark: mark}
			})
		}
		keys := []string{"a", "b", "c", "d"}
		rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		results := g.DoAll(t.Context(), keys[:1+rand.N(3)], batch)
		oldest := results[0].Value
		for _, r := range results {
			if r.Err != nil {
				return 0, r.Err
			}
			oldest = min(oldest, r.Value)
		}
		return oldest, nil
	}
	require.False(t, w.stale(2000, ask))
}

// A batch that breaks after it has answered a key leaves alone the work that has begun on that key since.
func TestABatchThatBreaksLeavesLaterWorkOnItsKeysAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &group{Start: func(f func()) bool {
			go func() {
				defer func() { _ = recover() }()
				f()
			}()
			return true
		}}
		var runs atomic.Int64
		slow := func(r *flight.Round) flight.Outcome[int] {
			mark, n := r.Cover(), int(runs.Add(1))
			time.Sleep(time.Hour)
			return flight.Outcome[int]{Value: n, Mark: mark}
		}
		go g.DoAll(t.Context(), []string{"a", "b"}, func(_ []string, rounds []*flight.Round, done func(int, flight.Outcome[int])) {
			done(0, flight.Outcome[int]{Mark: rounds[0].Cover()})
			time.Sleep(2 * time.Second)
			panic("half way")
		})
		time.Sleep(time.Second)
		for _, pause := range []time.Duration{0, 2 * time.Second} { // before and after the panic
			time.Sleep(pause)
			go func() { _, _ = g.Do(t.Context(), "a", slow) }()
		}
		synctest.Wait()
		require.EqualValues(t, 1, runs.Load(), "the second caller joined the first")
		time.Sleep(3 * time.Hour)
		require.EqualValues(t, 2, runs.Load(), "and then got a later round")
	})
}
