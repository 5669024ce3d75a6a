package flight_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/flight"
)

// stage is a group of one key whose work the test controls in steps; between them all goroutines come to rest.
type stage struct {
	g       *group
	rounds  int
	covers  chan chan flight.Mark
	ends    chan flight.Mark
	callers []*caller
}

type caller struct {
	leave    context.CancelFunc
	answered bool
	round    int
	err      error
}

func (s *stage) run(r *flight.Round) flight.Outcome[int] {
	s.rounds++
	round := s.rounds
	for {
		select {
		case reply := <-s.covers:
			reply <- r.Cover()
		case mark := <-s.ends:
			return flight.Outcome[int]{Value: round, Mark: mark}
		}
	}
}

func (s *stage) join(ctx context.Context) {
	c := &caller{}
	ctx, c.leave = context.WithCancel(ctx)
	s.callers = append(s.callers, c)
	go func() {
		c.round, c.err = s.g.Do(ctx, "k", s.run)
		c.answered = true
	}()
	synctest.Wait()
}

// model predicts what the group does.
type model struct {
	waiting []int // callers of this round
	covered int   // how many of them the mark covers that was taken last
	round   int
	want    map[int]string
}

func (m *model) join(i int) {
	if m.waiting = append(m.waiting, i); len(m.waiting) == 1 {
		m.round++
	}
}

func (m *model) end() {
	for _, i := range m.waiting[:m.covered] {
		if m.want[i] == "" {
			m.want[i] = fmt.Sprint(m.round)
		}
	}
	m.waiting = slices.DeleteFunc(m.waiting[m.covered:], func(i int) bool { return m.want[i] != "" })
	m.covered = 0
	if len(m.waiting) > 0 {
		m.round++
	}
}

// Callers come and go, marks are taken and rounds end in any order. Each caller gets the first round whose mark
// covers it, or the end of its context. Rounds run exactly as long as a caller waits for one.
func TestGroupDoesAsTheModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"join", "join", "leave", "cover", "end"}), 1, 30).Draw(r, "steps")
		whom := rapid.SliceOfN(rapid.IntRange(0, 100), len(steps), len(steps)).Draw(r, "whom")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = play(t.Context(), steps, whom) })
		if wrong != "" {
			r.Fatal(wrong)
		}
	})
}

func play(ctx context.Context, steps []string, whom []int) (wrong string) {
	s := &stage{g: newGroup(), covers: make(chan chan flight.Mark), ends: make(chan flight.Mark)}
	m := &model{want: map[int]string{}}
	running := func() bool { return len(m.waiting) > 0 }
	var mark flight.Mark
	cover := func() {
		reply := make(chan flight.Mark)
		s.covers <- reply
		mark, m.covered = <-reply, len(m.waiting)
	}
	end := func() {
		s.ends <- mark
		m.end()
		mark = 0
		synctest.Wait()
	}
	for at, step := range steps {
		switch {
		case step == "join":
			m.join(len(s.callers))
			s.join(ctx)
		case step == "leave" && len(s.callers) > 0:
			i := whom[at] % len(s.callers)
			if m.want[i] == "" {
				m.want[i] = context.Canceled.Error()
			}
			s.callers[i].leave()
			synctest.Wait()
		case step == "cover" && running():
			cover()
		case step == "end" && running():
			end()
		}
		if s.rounds != m.round {
			return fmt.Sprintf("step %d, %s: %d rounds, want %d", at, step, s.rounds, m.round)
		}
	}
	for running() {
		cover()
		end()
	}
	for i, c := range s.callers {
		c.leave()
		got := fmt.Sprint(c.round)
		if c.err != nil {
			got = c.err.Error()
		}
		if !c.answered || got != m.want[i] {
			return fmt.Sprintf("caller %d: %s (%t), want %s", i, got, c.answered, m.want[i])
		}
	}
	return ""
}

// work reads a clock that every read advances.
type work struct{ clock atomic.Int64 }

func (w *work) read() int { defer runtime.Gosched(); return int(w.clock.Add(1)) }

// stale lets callers ask until one of them gets an answer that was read before it asked, and reports whether that
// happened.
func (w *work) stale(asks int, ask func() (int, error)) bool {
	var wg sync.WaitGroup
	var found atomic.Bool
	for range 8 {
		wg.Go(func() {
			for i := 0; i < asks && !found.Load(); i++ {
				asked := int(w.clock.Load())
				if read, err := ask(); err != nil || read <= asked {
					found.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return found.Load()
}

// The test for answers from before the question detects them: here the work takes its mark after it has read, as the
// usual single flight does.
func TestAMarkThatIsTakenTooLateIsNoticed(t *testing.T) {
	g, w := newGroup(), &work{}
	ask := func() (int, error) {
		return g.Do(t.Context(), "k", func(r *flight.Round) flight.Outcome[int] {
			now := w.read()
			return flight.Outcome[int]{Value: now, Mark: r.Cover()}
		})
	}
	require.True(t, w.stale(1_000_000, ask))
}
