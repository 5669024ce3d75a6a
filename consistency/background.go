package consistency

import (
	"context"
	"sync"
	"time"

	"github.com/jollyjet/aside/store"
)

// closeWait bounds how long closing waits for a function of the user's that does not return.
const closeWait = 5 * time.Second

// background runs each work function in a goroutine until the store closes or stop is called. Both wait for all of them,
// for closeWait at most. ended is called when the work ends, perhaps more than once.
func background(st *store.Store, what string, ended func(), work ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	end := func() { cancel(); ended() }
	life, running := st.Engine().Life, make(chan struct{})
	stop = func() {
		end()
		late := time.NewTimer(closeWait)
		defer late.Stop()
		select {
		case <-running:
		case <-late.C:
			st.Engine().Log.Warn("aside: closing goes on without a function that does not return", "of", what)
		}
	}
	started := life.Background(what, func(open context.Context) {
		select {
		case <-open.Done():
		case <-ctx.Done():
		}
		stop()
	})
	if !started { // the store is closed
		end()
		return func() {}
	}
	var working sync.WaitGroup
	for _, f := range work {
		working.Go(func() {
			defer func() {
				if value := recover(); value != nil {
					life.Recovered(what, value)
				}
				end()
			}()
			f(ctx)
		})
	}
	go func() { working.Wait(); close(running) }()
	return stop
}
