package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scripts returns the paths of all Lua scripts of the module.
func scripts(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".lua") {
			files = append(files, path)
		}
		return err
	})
	require.NoError(t, err)
	return files
}

var (
	pcallLine   = regexp.MustCompile(`(?m)^.*redis\.pcall.*$`)
	pcallResult = regexp.MustCompile(`^\s*local (\w+) = redis\.pcall\(`)
)

// careless returns the lines of a script that take whatever pcall returns for an answer. The others keep it in a local;
// before anything else is called they look whether it is an error, and return it unless it is WRONGTYPE.
func careless(script string) (lines []string) {
	for _, at := range pcallLine.FindAllStringIndex(script, -1) {
		line, rest := script[at[0]:at[1]], script[at[1]:]
		local := pcallResult.FindStringSubmatch(line)
		if local == nil {
			lines = append(lines, line)
			continue
		}
		look, _, _ := strings.Cut(rest, "redis.")
		returned := regexp.MustCompile(`\breturn ` + local[1] + `\b`)
		if !strings.Contains(look, "string.find("+local[1]+".err, 'WRONGTYPE', 1, true)") || !returned.MatchString(rest) {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestScriptsLookAtTheErrorsOfPcall(t *testing.T) {
	files := scripts(t)
	packages, calls := map[string]bool{}, 0
	for _, file := range files {
		script, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Empty(t, careless(string(script)), file)
		top, _, _ := strings.Cut(strings.TrimPrefix(filepath.ToSlash(file), "../../"), "/")
		packages[top] = true
		calls += strings.Count(string(script), "redis.pcall(")
	}
	require.Equal(t, map[string]bool{"internal": true, "session": true, "ratelimit": true}, packages)
	require.Positive(t, calls)
}

func TestCarelessScriptsAreFound(t *testing.T) {
	const look = "if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end\n"
	for _, tt := range []struct {
		script string
		found  int
	}{
		{"if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end", 1},
		{"local seen = redis.pcall('GET', KEYS[1])\nif seen ~= ARGV[1] then return 0 end", 1},
		{"local seen = redis.pcall('GET', KEYS[1])\nif type(seen) == 'table' then return 0 end", 1},
		{"local seen = redis.pcall('GET', KEYS[1])\nredis.call('UNLINK', KEYS[1])\n" + look, 1},
		{"local held = redis.pcall('GET', KEYS[1])\n" + look, 1},
		{"local seen = redis.pcall('GET', KEYS[1])\nlocal more = redis.pcall('GET', KEYS[2])\n" + look, 2},
		{"local get = redis.pcall\n" + look, 1},
		{"local seen = redis.pcall('GET', KEYS[1])\n" + look, 0},
		{"redis.call('GET', KEYS[1])", 0},
	} {
		require.Len(t, careless(tt.script), tt.found, tt.script)
	}
}
