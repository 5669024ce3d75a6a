package ratelimit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/jollyjet/aside/internal/setup"
)

// Rule is the limit of one route.
type Rule struct {
	// Match is a pattern of http.ServeMux, such as "POST /login" or "/api/". The most specific pattern that matches a
	// request decides which rule applies. Requests that match none are not limited; "/" matches what the others don't.
	Match string `json:"match"`

	// Policy is what ParsePolicy reads.
	Policy string `json:"policy"`

	// By names key functions, joined if there are several: "ip", "endpoint", "header:NAME", or one given to Keys. The
	// default is the limiter's.
	By []string `json:"by,omitempty"`

	// Name is the limiter's name; the default is made of Match. Rules of the same name and policy share their state;
	// rules of the same name whose policies differ only in a limit are an error.
	Name string `json:"name,omitempty"`

	// Shadow and WhenAway override the options of the same names. WhenAway is "open", "closed" or "local".
	Shadow   bool   `json:"shadow,omitempty"`
	WhenAway string `json:"whenAway,omitempty"`
}

// ParseRules reads rules from a JSON array of objects. Unknown members are errors, because a misspelt limit limits nothing.
// The errors wrap [ErrRules]. The content of the rules is checked by [NewTable] and [Table.Set].
func ParseRules(data []byte) ([]Rule, error) {
	var rules []Rule
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&rules); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRules, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more follows after the array", ErrRules)
	}
	return rules, nil
}

// Keys gives key functions the names by which the rules of a [Table] refer to them.
func Keys(named map[string]KeyFunc) Option {
	for name, key := range named {
		if name == "" || key == nil {
			panic(fmt.Sprintf("ratelimit: Keys: %q is no name or has no function", name))
		}
	}
	return func(c *config) { c.keys = named }
}

// limiter builds what the rule describes.
func (r *Rule) limiter(b *backend, c config) (l *Limiter, err error) {
	policy, err := ParsePolicy(r.Policy)
	if err != nil {
		return nil, err
	}
	if c.key, err = r.keyFunc(&c); err != nil {
		return nil, err
	}
	if err := r.setFallback(&c); err != nil {
		return nil, err
	}
	c.shadow = c.shadow || r.Shadow
	if c.name = r.Name; c.name == "" {
		c.name = ruleName(r.Match)
	}
	if !setup.IsName(c.name) {
		return nil, fmt.Errorf("the name %q: %s", c.name, setup.NameRule)
	}
	l = newLimiter(b, c, policy)
	l.borrowed = true
	return l, nil
}

func (r *Rule) setFallback(c *config) error {
	switch r.WhenAway {
	case "":
	case "open":
		c.fallback = fallbackOpen
	case "closed":
		c.fallback = fallbackClosed
	case "local":
		c.fallback = fallbackLocal
	default:
		return fmt.Errorf("whenAway is %q; use open, closed or local", r.WhenAway)
	}
	return nil
}

func (r *Rule) keyFunc(c *config) (KeyFunc, error) {
	if len(r.By) == 0 {
		return c.key, nil
	}
	var keys []KeyFunc
	for _, name := range r.By {
		key := c.keys[name]
		header, isHeader := strings.CutPrefix(name, "header:")
		switch {
		case key != nil:
		case name == "ip":
			key = ByIP()
		case name == "endpoint":
			match := r.Match
			key = func(*http.Request) string { return "e:" + match }
		case isHeader && header != "":
			key = ByHeader(header)
		default:
			return nil, fmt.Errorf("no key is named %q; use ip, endpoint, header:NAME or one given to Keys", name)
		}
		keys = append(keys, key)
	}
	if len(keys) == 1 {
		return keys[0], nil
	}
	return Join(keys...), nil
}

// ruleName makes a name of a pattern. It escapes what a name can't contain, so no two patterns get the same name.
func ruleName(match string) string {
	name := "rule/" + strings.ReplaceAll(escape(match, func(c byte) bool {
		return isPlain(c) && strings.IndexByte("~:@+=,|_", c) < 0
	}), "%", "_")
	if len(name) > 100 {
		return "rule/" + digest(match)
	}
	return name
}
