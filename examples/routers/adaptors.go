package routers

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"
)

// Gin makes a gin middleware of one of net/http, such as table.For("login"). If that answers the request itself the handlers
// that follow don't run.
func Gin(middleware func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			c.Request = r // its context may end with a permit
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}

// Echo makes an echo middleware of one of net/http, such as table.For("login"): echo's own wrapper.
func Echo(middleware func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return echo.WrapMiddleware(middleware)
}
