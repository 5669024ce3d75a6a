package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

type Cart struct{ Items []string }

func Example() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb, session.Idle(20*time.Minute), session.MaxPerUser(5, session.EvictOldest))
	defer func() { _ = sessions.Close() }()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		err := sessions.Update(r.Context(), func(c *Cart) error {
			c.Items = append(c.Items, r.FormValue("item"))
			return nil
		})
		if err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// ... once the password is checked:
		if err := sessions.Login(r.Context(), "ann"); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		cart, err := sessions.Get(r.Context())
		if errors.Is(err, session.ErrNoSession) {
			_, _ = fmt.Fprintln(w, "Your cart is empty.")
			return
		}
		if err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		user, _ := sessions.User(r.Context())
		_, _ = fmt.Fprintf(w, "%q has %v\n", user, cart.Items)
	})
	handler := sessions.Middleware(mux)

	var cookie *http.Cookie
	visit := func(method, path string) {
		r := httptest.NewRequest(method, path, nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if set := w.Result().Cookies(); len(set) == 1 {
			cookie = set[0]
			fmt.Println("a new cookie:", cookie.Name)
		}
		fmt.Print(w.Body)
	}
	visit("GET", "/cart")
	visit("POST", "/cart?item=shoes")
	visit("GET", "/cart")
	visit("POST", "/login")
	visit("GET", "/cart")
	// Output:
	// Your cart is empty.
	// a new cookie: __Host-id
	// "" has [shoes]
	// a new cookie: __Host-id
	// "ann" has [shoes]
}

// Attach is for programs without HTTP: the token comes from the client and goes back to it.
func ExampleManager_Attach() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb)
	defer func() { _ = sessions.Close() }()

	ctx := sessions.Attach(context.Background(), "")
	_ = sessions.Login(ctx, "ann")
	token, _ := sessions.Token(ctx)

	user, err := sessions.User(sessions.Attach(context.Background(), token))
	fmt.Println(user, err)
	_ = sessions.DestroyAll(context.Background(), "ann")
	_, err = sessions.Get(sessions.Attach(context.Background(), token))
	fmt.Println(err)
	// Output:
	// ann <nil>
	// session: none
}

// A request that is still running when its session ends can't bring it back.
func ExampleManager_Update_ended() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb)
	defer func() { _ = sessions.Close() }()

	ctx := sessions.Attach(context.Background(), "")
	_ = sessions.Create(ctx, Cart{})
	token, _ := sessions.Token(ctx)

	slow := sessions.Attach(context.Background(), token)
	_, _ = sessions.Get(slow)
	_ = sessions.Destroy(ctx)
	err := sessions.Update(slow, func(c *Cart) error { c.Items = append(c.Items, "shoes"); return nil })
	fmt.Println(err)
	fmt.Println(errors.Is(err, session.ErrEnded), errors.Is(err, session.ErrNoSession))
	// Output:
	// session: ended meanwhile: session: none
	// true true
}

// A stream ends when its user logs out, in whatever tab and on whatever node.
func ExampleManager_Watch() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb, session.WatchEvery(100*time.Millisecond))
	defer func() { _ = sessions.Close() }()
	greeted := make(chan struct{})
	stream := func(w http.ResponseWriter, r *http.Request) {
		ctx, err := sessions.Watch(r.Context())
		if err != nil {
			http.Error(w, "log in first", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		user, _ := sessions.User(ctx) // as it is now
		_, _ = fmt.Fprintf(w, "data: hello %s\n\n", user)
		_ = http.NewResponseController(w).Flush()
		close(greeted)
		<-ctx.Done() // or select on it beside the source of the events
		_, _ = fmt.Fprintf(w, "data: %v\n\n", context.Cause(ctx))
	}

	ctx := sessions.Attach(context.Background(), "")
	_ = sessions.Login(ctx, "ann")
	token, _ := sessions.Token(ctx)
	r := httptest.NewRequest("GET", "/stream", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-id", Value: token})
	w := httptest.NewRecorder()
	go func() {
		<-greeted
		_ = sessions.DestroyAll(context.Background(), "ann")
	}()
	sessions.Middleware(http.HandlerFunc(stream)).ServeHTTP(w, r)
	fmt.Print(w.Body)
	// Output:
	// data: hello ann
	//
	// data: session: ended meanwhile: session: none
}

func ExampleManager_Flash() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb)
	defer func() { _ = sessions.Close() }()

	ctx := sessions.Attach(context.Background(), "")
	_ = sessions.Flash(ctx, "info", "Saved.")
	for range 2 {
		messages, err := sessions.Flashes(ctx)
		fmt.Println(messages, err)
	}
	// Output:
	// [{info Saved.}] <nil>
	// [] <nil>
}

func ExampleManager_List() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb, session.Bearer(), session.Describe(func(r *http.Request) string {
		return r.UserAgent()
	}))
	defer func() { _ = sessions.Close() }()
	login := sessions.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = sessions.Login(r.Context(), "ann")
	}))
	r := httptest.NewRequest("POST", "/login", nil)
	r.Header.Set("User-Agent", "phone")
	login.ServeHTTP(httptest.NewRecorder(), r)

	list, _ := sessions.List(context.Background(), "ann")
	for _, s := range list {
		fmt.Println(s.User, s.Label, s.Deadline.Sub(s.Since))
		_ = sessions.DestroyOne(context.Background(), "ann", s.Handle)
	}
	list, _ = sessions.List(context.Background(), "ann")
	fmt.Println(len(list))
	// Output:
	// ann phone 12h0m0s
	// 0
}
