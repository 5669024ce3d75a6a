package ratelimit

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrPolicy is wrapped by the errors of [ParsePolicy].
var ErrPolicy = errors.New("ratelimit: not a policy")

func (p part) String() string {
	text := p.kind.word + " "
	if p.name != p.unnamed() {
		text = p.name + ": " + text
	}
	switch p.kind {
	case leasesKind:
		return fmt.Sprintf("%s%d lease=%s", text, p.limit, short(p.span))
	case gcraKind:
		return fmt.Sprintf("%s%s burst=%d", text, rateText(p.unit), p.limit)
	case bucketsKind:
		return fmt.Sprintf("%s%d/%s buckets=%d", text, p.limit, short(p.span), p.slots)
	}
	return fmt.Sprintf("%s%d/%s", text, p.limit, short(p.span))
}

// rateText writes a period as a rate, by the shortest time in which it gives a whole number of permits.
func rateText(period float64) string {
	for _, d := range []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		if n := math.Round(micros(d) / period); n >= 1 && Per(n, d).period() == period {
			return fmt.Sprintf("%.0f/%s", n, short(d))
		}
	}
	return strconv.FormatFloat(1e6/period, 'g', -1, 64) + "/1s"
}

func (p part) unnamed() string {
	if p.kind == gcraKind || p.kind == leasesKind {
		return p.kind.word
	}
	return p.kind.word + "-" + short(p.span)
}

func (a all) String() string {
	texts := make([]string, len(a))
	for i, p := range a {
		texts[i] = p.String()
	}
	return strings.Join(texts, " + ")
}

// ParsePolicy reads a policy from text, as configuration has it:
//
//	100/1m                            SlidingWindow(100, time.Minute)
//	sliding 100/1m                    the same
//	exact 100/1m                      SlidingWindow(100, time.Minute).Exact()
//	strict 100/1m buckets=10          SlidingWindow(100, time.Minute).Strict(10)
//	bucket 100/1m burst=20            TokenBucket(Per(100, time.Minute), 20)
//	fixed 100/1h                      FixedWindow(100, time.Hour)
//	concurrency 10 lease=30s          Concurrency(10, 30*time.Second)
//	burst: 10/1s + daily: 1000/24h    All(Named("burst", ...), Named("daily", ...))
//
// Durations are those of [time.ParseDuration]. The error wraps [ErrPolicy].
func ParsePolicy(text string) (policy Policy, err error) {
	// The constructors say best what is wrong with a value.
	defer func() {
		if p := recover(); p != nil {
			policy, err = nil, fmt.Errorf("%w: %q: %v", ErrPolicy, text, p)
		}
	}()
	var policies []Policy
	for one := range strings.SplitSeq(text, " + ") {
		p, err := parseOne(one)
		if err != nil {
			return nil, fmt.Errorf("%w: %q: %w", ErrPolicy, text, err)
		}
		policies = append(policies, p)
	}
	if len(policies) == 1 {
		return policies[0], nil
	}
	return All(policies...), nil
}

func parseOne(text string) (Policy, error) {
	name, rest, named := strings.Cut(text, ":")
	if !named {
		rest = text
	}
	fields := strings.Fields(rest)
	if len(fields) > 0 && isDigit(fields[0][0]) {
		fields = append([]string{counterKind.word}, fields...)
	}
	if len(fields) < 2 || len(fields) > 3 {
		return nil, errors.New("write it like sliding 100/1m")
	}
	p, err := parseFields(fields[0], fields[1], fields[2:])
	if err != nil || !named {
		return p, err
	}
	return Named(strings.TrimSpace(name), p), nil
}

func parseFields(word, amount string, extra []string) (Policy, error) {
	switch word {
	case leasesKind.word:
		n, err := strconv.Atoi(amount)
		if err != nil {
			return nil, err
		}
		lease, err := time.ParseDuration(setting(extra, "lease"))
		if err != nil {
			return nil, err
		}
		return Concurrency(n, lease), nil
	case gcraKind.word:
		return parseBucket(amount, extra)
	}
	return parseWindow(word, amount, extra)
}

func parseBucket(amount string, extra []string) (Policy, error) {
	number, per, _ := strings.Cut(amount, "/")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(per)
	if err != nil {
		return nil, err
	}
	burst, err := strconv.Atoi(setting(extra, "burst"))
	if err != nil {
		return nil, err
	}
	return TokenBucket(Per(n, d), burst), nil
}

func parseWindow(word, amount string, extra []string) (Policy, error) {
	number, per, _ := strings.Cut(amount, "/")
	limit, err := strconv.Atoi(number)
	if err != nil {
		return nil, err
	}
	window, err := time.ParseDuration(per)
	if err != nil {
		return nil, err
	}
	if word == bucketsKind.word {
		n, err := strconv.Atoi(setting(extra, "buckets"))
		if err != nil {
			return nil, err
		}
		return SlidingWindow(limit, window).Strict(n), nil
	}
	if len(extra) > 0 {
		return nil, fmt.Errorf("%s takes no %s", word, extra[0])
	}
	switch word {
	case counterKind.word:
		return SlidingWindow(limit, window), nil
	case logKind.word:
		return SlidingWindow(limit, window).Exact(), nil
	case fixedKind.word:
		return FixedWindow(limit, window), nil
	}
	return nil, fmt.Errorf("unknown kind %q", word)
}

// setting is the value of name=value if that is all there is, and else what no parser takes for a number.
func setting(extra []string, name string) string {
	if len(extra) != 1 {
		return ""
	}
	value, ok := strings.CutPrefix(extra[0], name+"=")
	if !ok {
		return ""
	}
	return value
}
