package ratelimit

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Rate is in permits per second.
type Rate float64

// Per is the rate of n permits in d. It panics if d is not positive.
func Per(n float64, d time.Duration) Rate {
	if d <= 0 {
		panic(fmt.Sprintf("ratelimit: Per(%v, %v): use a positive duration", n, d))
	}
	return Rate(n / d.Seconds())
}

// period is the time from one permit to the next in microseconds, rounded up to a quarter: doubles add quarters exactly.
func (r Rate) period() float64 {
	// The slack removes what the division that made the rate may have added.
	return math.Ceil(4e6/float64(r)*(1-1e-12)) / 4
}

// rateText writes a period as a rate: a whole number of permits in the shortest unit of time that gives one.
func rateText(period float64) string {
	for _, d := range []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		if n := math.Round(micros(d) / period); n >= 1 && Per(n, d).period() == period {
			return fmt.Sprintf("%.0f/%s", n, short(d))
		}
	}
	return strconv.FormatFloat(1e6/period, 'g', -1, 64) + "/1s"
}
