package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/jollyjet/aside/"

// layers are the packages by what they may import: those of lower layers only, and what is below their own folder. doc.go
// and internal/engine/doc.go show the same graph. A folder that is not named belongs to the nearest one above it that is.
var layers = [][]string{
	{"httpcache/internal/field"},
	{
		"httpcache/internal/cachestatus", "httpcache/internal/conditional", "httpcache/internal/directive", "httpcache/internal/freshen",
		"httpcache/internal/invalidation", "httpcache/internal/novary", "httpcache/internal/ranges", "httpcache/internal/vary",
	},
	{"httpcache/internal/freshness"},
	{"httpcache/internal/storable"},
	{"internal/background"},
	{
		"internal/acltest", "internal/archtest", "internal/clientip", "internal/envelope",
		"internal/faulttest", "internal/fidelity", "internal/flight", "internal/histogram", "internal/journal", "internal/keyspace",
		"internal/lifecycle", "internal/lru", "internal/memredis", "internal/pause", "internal/redisserver", "internal/slicesx", "internal/tracing",
	},
	{"internal/redisx", "internal/redistest"},
	{"internal/breaker", "internal/lua", "internal/memorypolicy", "internal/setup", "internal/wire"},
	{"internal/dataset", "internal/tracking"},
	{"internal/tagversion"},
	{"internal/outbox"},
	{"internal/eviction"},
	{"internal/checkpoint", "internal/entry", "internal/scan"},
	{"internal/engine"},
	{"codec"},
	{"store"},
	{"cacheable", "evict", "consistency", "ratelimit", "session", "httpcache"},
	{"metrics"},
}

// heavy modules are imported by these packages at most; tests are not looked at.
var heavy = map[string]map[string]bool{
	"github.com/prometheus/":         set("metrics"),
	"go.opentelemetry.io/":           set(),
	"go.mongodb.org/":                set(),
	"github.com/FerretDB/":           set(),
	"github.com/alicebob/miniredis/": set("internal"),
	"github.com/stretchr/testify/":   set("internal", "codec"),          // test fixtures
	"testing":                        set("internal", "codec", "*test"), // test fixtures
}

type pkg struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
	Export          string // the file with what it exports, compiled
}

func TestImportsGoOneWay(t *testing.T) {
	packages := list(t)
	require.NotEmpty(t, packages)
	for _, p := range packages {
		name, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue // the root package, and those of other modules
		}
		from, folder := layerOf(name)
		require.GreaterOrEqual(t, from, 0, "package %s is in no layer; put it in one", name)
		for _, imported := range p.Imports {
			if inner, ok := strings.CutPrefix(imported, module); ok {
				to, other := layerOf(inner)
				require.True(t, folder == other || to < from, "%s must not import %s", name, inner)
			}
			top, _, _ := strings.Cut(name, "/")
			for prefix, allowed := range heavy {
				if strings.HasPrefix(imported+"/", prefix+"/") || strings.HasSuffix(prefix, "/") && strings.HasPrefix(imported, prefix) {
					require.True(t, allowed[top] || allowed["*test"] && strings.HasSuffix(name, "test"), "%s must not import %s", name, imported)
				}
			}
		}
	}
}

// layerOf returns the layer of a package, -1 if there is none, and the folder in layers that it belongs to.
func layerOf(name string) (layer int, folder string) {
	layer = -1
	for i, folders := range layers {
		for _, f := range folders {
			if (name == f || strings.HasPrefix(name, f+"/")) && len(f) > len(folder) {
				layer, folder = i, f
			}
		}
	}
	return layer, folder
}

// list returns the module's packages and those that they import, tests left out.
func list(t *testing.T) (packages []pkg) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Dir,GoFiles,Imports,Export", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else {
			require.NoError(t, err)
		}
		packages = append(packages, p)
	}
}

func set(names ...string) map[string]bool {
	s := make(map[string]bool)
	for _, name := range names {
		s[name] = true
	}
	return s
}
