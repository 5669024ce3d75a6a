package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sending are the methods of go-redis that send pipelines. What they return is not what became of each command.
var sending = set("Exec", "Pipelined", "TxPipeline", "TxPipelined")

// Pipelines are sent in one place, which sees to it that every command has an outcome. Other modules (examples, bench) and
// tests may do as they like.
func TestPipelinesAreSentInOnePlace(t *testing.T) {
	const place = "internal/redisx/exchange.go"
	found := map[string]int{}
	eachFile(t, func(name string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); ok && sending[method.Sel.Name] {
				found[name]++
			}
			return true
		})
	})
	require.Equal(t, map[string]int{place: 1}, found)
}

// eachFile calls f for every source file of this module but tests, with its path below the module's folder.
func eachFile(t *testing.T, f func(name string, file *ast.File)) {
	t.Helper()
	root, files := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || hasModule(path)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err == nil {
			files++
			f(filepath.ToSlash(name), parsed)
		}
		return err
	})
	require.NoError(t, err)
	require.Greater(t, files, 100, "the module's sources were found")
}

func hasModule(folder string) bool {
	matches, _ := filepath.Glob(filepath.Join(folder, "go.mod")) // the pattern is well-formed
	return len(matches) > 0
}
