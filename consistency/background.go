package consistency

import (
	"context"
	"sync"

	"github.com/jollyjet/aside/store"
)

// background runs each work function in a goroutine until the store closes or stop is called. stop waits for all of
// them. ended is called when the work ends, perhaps more than once.
func background(st *store.Store, what string, ended func(), work ...func(context.Context)) (stop func()) {
	var working sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	end := func() { cancel(); ended() }
	for _, f := range work {
		working.Add(1)
		started := st.Engine().Life.Background(what, func(open context.Context) {
			defer working.Done()
			defer end()
			detach := context.AfterFunc(open, cancel)
			defer detach()
			f(ctx)
		})
		if !started { // the store is closed
			working.Done()
			end()
		}
	}
	return func() { end(); working.Wait() }
}
