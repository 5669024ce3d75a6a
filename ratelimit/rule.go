package ratelimit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/jollyjet/aside/internal/setup"
)

// Rule is the limit of one route.
type Rule struct {
	// Match is a pattern of http.ServeMux, such as "POST /login", "api.example.com/" or "/api/". The most specific pattern
	// that matches a request decides which rule applies; see Table.Middleware. A rule without Match is for Table.For, by
	// its Name.
	Match string `json:"match,omitempty"`

	// Policy is what ParsePolicy reads, or "unlimited".
	Policy string `json:"policy"`

	// By names key functions, joined if there are several: "ip", "endpoint", "header:NAME", or one given to Keys. The
	// default is the table's. "ip" is the client as ClientIP knows it. "header:NAME" charges the address as well, because a
	// client can invent values; see ByHeader. For verified users give ByUser a name with Keys.
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

// unlimited is the policy of a rule that exempts requests.
const unlimited = "unlimited"

// Default is the limit of requests that no rule of a [Table] matches. It is charged by the table's key.
func Default(policy Policy) Option {
	if policy == nil {
		panic("ratelimit: Default(nil): give a policy, or use Unlimited()")
	}
	return func(c *config) { c.others, c.unlimited = policy, false }
}

// Unlimited leaves requests that no rule of a [Table] matches without a limit.
func Unlimited() Option { return func(c *config) { c.others, c.unlimited = nil, true } }

// label is how people call the rule.
func (r *Rule) label() string { return cmp.Or(r.Match, r.Name) }

// names are those by which Table.For finds the rule.
func (r *Rule) names() (names []string) {
	for _, name := range []string{r.Match, r.Name} {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
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
	return borrow(b, c, policy), nil
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
			match := r.label()
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
