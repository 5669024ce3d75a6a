package ratelimit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParsePolicy reads a policy from text, such as a line of configuration:
//
//	100/1m                            SlidingWindow(100, time.Minute)
//	sliding 100/1m                    the same
//	counter 100/1m                    SlidingWindow(100, time.Minute).Counter()
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
		fields = append([]string{slidingCounter.word}, fields...)
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
	case leases.word:
		n, err := strconv.Atoi(amount)
		if err != nil {
			return nil, err
		}
		lease, err := time.ParseDuration(setting(extra, "lease"))
		if err != nil {
			return nil, err
		}
		return Concurrency(n, lease), nil
	case tokenBucket.word:
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
	if word == slidingBuckets.word {
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
	case slidingCounter.word:
		return SlidingWindow(limit, window), nil
	case plainCounter.word:
		return SlidingWindow(limit, window).Counter(), nil
	case slidingLog.word:
		return SlidingWindow(limit, window).Exact(), nil
	case fixedWindow.word:
		return FixedWindow(limit, window), nil
	}
	return nil, fmt.Errorf("unknown kind %q", word)
}

// setting returns the value of the only word if it is name=value. Otherwise it returns "", which no parser accepts.
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
