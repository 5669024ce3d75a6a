package ratelimit

import (
	"strings"
	"time"
)

func micros(d time.Duration) float64 { return float64(d.Microseconds()) }

// short is d without the zero units at its end: 1m, not 1m0s.
func short(d time.Duration) string {
	s := d.String()
	for _, unit := range []string{"0s", "0m"} {
		if len(s) > len(unit) && strings.HasSuffix(s, unit) && !isDigit(s[len(s)-len(unit)-1]) {
			s = strings.TrimSuffix(s, unit)
		}
	}
	return s
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' || c == '.' }
