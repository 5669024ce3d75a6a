package archtest

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mostInCycle is how many files of a package may use each other in a circle. Two or three may hold one idea together;
// more can only be understood all at once.
const mostInCycle = 3

// TestUseBetweenFilesGoesOneWay computes which files of a package use what other files of it declare, types, functions,
// methods and fields alike, and refuses circles of more than mostInCycle files. It has no list of exceptions.
func TestUseBetweenFilesGoesOneWay(t *testing.T) {
	packages := list(t)
	exports := make(map[string]string)
	for _, p := range packages {
		exports[p.ImportPath] = p.Export
	}
	looked := 0
	for _, p := range packages {
		if !strings.HasPrefix(p.ImportPath+"/", module) || len(p.GoFiles) == 0 {
			continue
		}
		looked++
		for _, cycle := range cycles(fileUses(t, p, exports)) {
			if len(cycle) > mostInCycle {
				t.Errorf("%s: %d files use each other in a circle: %s", p.ImportPath, len(cycle), strings.Join(cycle, " "))
			}
		}
	}
	require.Greater(t, looked, 20, "the packages were found")
}

// fileUses returns for each file of a package the files whose declarations it uses.
func fileUses(t *testing.T, p pkg, exports map[string]string) map[string]map[string]bool {
	t.Helper()
	set, uses := token.NewFileSet(), make(map[string]map[string]bool)
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, 0)
		require.NoError(t, err)
		files, uses[name] = append(files, file), make(map[string]bool)
	}
	info := types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(exports[path])
	})}
	checked, err := config.Check(p.ImportPath, set, files, &info)
	require.NoError(t, err)
	for ident, object := range info.Uses {
		if object.Pkg() != checked || !object.Pos().IsValid() {
			continue
		}
		user, used := fileOf(set, ident.Pos()), fileOf(set, object.Pos())
		if user != used {
			uses[user][used] = true
		}
	}
	return uses
}

func fileOf(set *token.FileSet, at token.Pos) string { return filepath.Base(set.Position(at).Filename) }

// cycles returns the sets of nodes that reach each other (strongly connected components; R. Tarjan, Depth-First Search and
// Linear Graph Algorithms, SIAM Journal on Computing 1972), those of a single node left out.
func cycles(uses map[string]map[string]bool) (all [][]string) {
	index, low := make(map[string]int), make(map[string]int)
	var stack []string
	var visit func(string)
	visit = func(node string) {
		index[node] = len(index) + 1
		low[node] = index[node]
		stack = append(stack, node)
		for _, next := range slices.Sorted(maps.Keys(uses[node])) {
			if index[next] == 0 {
				visit(next)
				low[node] = min(low[node], low[next])
			} else if slices.Contains(stack, next) {
				low[node] = min(low[node], index[next])
			}
		}
		if low[node] == index[node] {
			at := slices.Index(stack, node)
			if cycle := slices.Clone(stack[at:]); len(cycle) > 1 {
				all = append(all, slices.Sorted(slices.Values(cycle)))
			}
			stack = stack[:at]
		}
	}
	for _, node := range slices.Sorted(maps.Keys(uses)) {
		if index[node] == 0 {
			visit(node)
		}
	}
	return all
}

func TestCyclesAreFound(t *testing.T) {
	uses := map[string]map[string]bool{
		"a": set("b"), "b": set("c", "d"), "c": set("a"), "d": set("e"), "e": set("f"), "f": set("e", "g"), "g": set(),
	}
	require.Equal(t, [][]string{{"e", "f"}, {"a", "b", "c"}}, cycles(uses))
}
