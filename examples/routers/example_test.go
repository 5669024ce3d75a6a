package routers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/examples/routers"
)

// newTable is the table of the examples: one login and two orders an hour for each client.
func newTable() (table *ratelimit.Table, done func()) {
	server, err := miniredis.Run()
	if err != nil {
		panic(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()}) // your own client
	table, err = ratelimit.NewTable(rdb, []ratelimit.Rule{
		{Name: "login", Policy: "fixed 1/8784h"},
		{Name: "orders", Match: "/api/", Policy: "fixed 2/8784h"},
	})
	if err != nil {
		panic(err)
	}
	return table, func() {
		_ = table.Close()
		_ = rdb.Close()
		server.Close()
	}
}

func statuses(h http.Handler, method string, targets ...string) (codes []int) {
	for _, target := range targets {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		codes = append(codes, w.Code)
	}
	return codes
}

func Example_chi() {
	table, done := newTable()
	defer done()

	hello := func(http.ResponseWriter, *http.Request) {}
	r := chi.NewRouter()
	r.With(table.For("login")).Post("/login", hello)
	r.Route("/api", func(r chi.Router) {
		r.Use(table.For("orders"))
		r.Get("/orders/{id}", hello)
	})
	fmt.Println(statuses(r, "POST", "/login", "/login"))
	fmt.Println(statuses(r, "GET", "/api/orders/1", "/api/orders/2", "/api/orders/3"))
	// Output:
	// [200 429]
	// [200 200 429]
}

func Example_gin() {
	table, done := newTable()
	defer done()

	hello := func(c *gin.Context) { c.Status(http.StatusOK) }
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.POST("/login", routers.Gin(table.For("login")), hello)
	api := r.Group("/api", routers.Gin(table.For("orders")))
	api.GET("/orders/:id", hello)
	fmt.Println(statuses(r, "POST", "/login", "/login"))
	fmt.Println(statuses(r, "GET", "/api/orders/1", "/api%2Forders/2", "/api/orders%2F3")) // gin routes the decoded path
	// Output:
	// [200 429]
	// [200 200 429]
}

func Example_echo() {
	table, done := newTable()
	defer done()

	hello := func(c echo.Context) error { return c.NoContent(http.StatusOK) }
	r := echo.New()
	r.POST("/login", hello, routers.Echo(table.For("login")))
	api := r.Group("/api", routers.Echo(table.For("orders")))
	api.GET("/orders/:id", hello)
	fmt.Println(statuses(r, "POST", "/login", "/login"))
	fmt.Println(statuses(r, "GET", "/api/orders/1", "/api/orders/2", "/api/orders/3"))
	// Output:
	// [200 429]
	// [200 200 429]
}

// In front of a router the table finds the rule by the path, in every way in which the router may read it.
func Example_inFront() {
	table, done := newTable()
	defer done()

	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/api/orders/:id", func(c *gin.Context) { c.Status(http.StatusOK) })
	h := table.Middleware(r)
	fmt.Println(statuses(h, "GET", "/api/orders/1", "/api%2Forders/2", "/api%2Forders/3"))
	// Output: [200 200 429]
}
