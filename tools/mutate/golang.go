package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
)

// goMutants lists the mutants of a Go file. Removed statements and conditions
// stay in the source, where they are never run or never matter, so that no
// variable or import becomes unused and the mutant compiles.
func goMutants(pkg, file string, src []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(tree) {
		return nil, nil
	}
	g := &goFile{editor: editor{pkg: pkg, file: file, src: src}, base: fset.File(tree.Pos()).Base()}
	for _, d := range tree.Decls {
		g.walk(d)
	}
	return g.found, nil
}

type goFile struct {
	editor
	base int
}

func (g *goFile) span(n ast.Node) (start, end int) {
	return int(n.Pos()) - g.base, int(n.End()) - g.base
}

func (g *goFile) around(n ast.Node, op, before, after string) {
	start, end := g.span(n)
	g.wrap(start, end, op, before, after)
}

// walk lists the mutants below n.
func (g *goFile) walk(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok == token.CONST || n.Tok == token.VAR
		case *ast.FuncDecl:
			if n.Body != nil {
				g.returns(n.Type, n.Body)
				g.walk(n.Body)
			}
			return false // no constants in signatures
		case *ast.FuncLit:
			g.returns(n.Type, n.Body)
		case *ast.ArrayType:
			g.walk(n.Elt)
			return false
		case *ast.BlockStmt:
			g.removals(n.List)
		case *ast.CaseClause:
			g.removals(n.Body)
		case *ast.CommClause:
			g.removals(n.Body)
		case *ast.IfStmt:
			g.around(n.Cond, "condition never holds", "false && (", ")")
			g.around(n.Cond, "condition always holds", "true || (", ")")
		case *ast.CallExpr:
			return !capacity(n)
		case *ast.BinaryExpr:
			return g.binary(n)
		case *ast.SelectorExpr:
			if duration(n) {
				g.around(n, "duration halved", "(", " / 2)")
			}
		case *ast.BasicLit:
			if n.Kind == token.INT && len(n.Value) <= 2 { // larger ones are scales and sizes
				g.around(n, "constant plus one", "(", " + 1)")
			}
		}
		return true
	})
}

var swapped = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND,
}

// binary lists the mutants of an operator, and reports whether its operands
// have mutants of their own.
func (g *goFile) binary(n *ast.BinaryExpr) bool {
	if to, ok := swapped[n.Op]; ok {
		at := int(n.OpPos) - g.base
		g.replace(at, at+len(n.Op.String()), n.Op.String()+" becomes "+to.String(), to.String())
	}
	switch n.Op {
	case token.LAND:
		g.around(n.X, "operand of && dropped", "(true || (", "))")
		g.around(n.Y, "operand of && dropped", "(true || (", "))")
	case token.LOR:
		g.around(n.X, "operand of || dropped", "(false && (", "))")
		g.around(n.Y, "operand of || dropped", "(false && (", "))")
	case token.MUL:
		if duration(n.X) || duration(n.Y) {
			g.around(n, "duration halved", "(", " / 2)")
			return false
		}
	}
	return true
}

// removals lists the statements that can be left out.
func (g *goFile) removals(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE && stores(s.Lhs) {
				g.around(s, "assignment removed", "if false { ", " }")
			}
		case *ast.IncDecStmt:
			g.around(s, "assignment removed", "if false { ", " }")
		case *ast.ExprStmt:
			if !locks(s.X) {
				g.around(s, "call removed", "if false { ", " }")
			}
		case *ast.DeferStmt:
			if !locks(s.Call) {
				g.around(s, "defer removed", "if false { ", " }")
			}
		case *ast.GoStmt:
			g.around(s, "go removed", "if false { ", " }")
		case *ast.SendStmt:
			g.around(s, "send removed", "if false { ", " }")
		}
	}
}

// locks reports whether a call locks or unlocks a mutex. Without it any test
// hangs or panics, which says nothing about the tests.
func locks(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	s, ok := c.Fun.(*ast.SelectorExpr)
	return ok && len(c.Args) == 0 && slices.Contains([]string{"Lock", "Unlock", "RLock", "RUnlock"}, s.Sel.Name)
}

// stores reports whether an assignment sets something that outlives a blank.
func stores(lhs []ast.Expr) bool {
	for _, e := range lhs {
		if id, ok := e.(*ast.Ident); !ok || id.Name != "_" {
			return true
		}
	}
	return false
}

// returns lists the errors that body's function returns, each made nil.
func (g *goFile) returns(typ *ast.FuncType, body *ast.BlockStmt) {
	if typ.Results == nil {
		return
	}
	fields := typ.Results.List
	if id, ok := fields[len(fields)-1].Type.(*ast.Ident); !ok || id.Name != "error" {
		return
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			if len(n.Results) != typ.Results.NumFields() || len(n.Results) == 0 {
				return true
			}
			last := n.Results[len(n.Results)-1]
			if id, ok := last.(*ast.Ident); ok && id.Name == "nil" {
				return true
			}
			start, _ := g.span(n)
			from, to := g.span(last)
			// The error stays in use, and what computes it still runs.
			g.replace(start, to, "error returned as nil",
				"_ = "+string(g.src[from:to])+"; "+string(g.src[start:from])+"nil")
		}
		return true
	})
}

// duration reports whether e is a unit of package time.
func duration(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if id, ok := s.X.(*ast.Ident); !ok || id.Name != "time" {
		return false
	}
	switch s.Sel.Name {
	case "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour":
		return true
	}
	return false
}

// capacity reports whether a call only sizes something: its constants change
// no result.
func capacity(c *ast.CallExpr) bool {
	id, ok := c.Fun.(*ast.Ident)
	return ok && id.Name == "make" && len(c.Args) == 3
}
