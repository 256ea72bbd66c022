package policy

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Costs of a condition (7.3), in CEL's units.
const (
	maxStaticCost = 10_000
	maxRunCost    = 100_000

	// What the static estimate assumes of values that callers send; the run
	// limit is what holds when they send more.
	assumedText  = 1_024
	assumedItems = 100
)

// condition is a compiled when.
type condition struct {
	text    string
	program cel.Program
	context []string // first-level names of context that it reads
	params  []string // names of parameters that it reads
}

// sharedCEL is the one CEL environment: every pack has the same variables. It
// is made when the first condition is compiled, because it costs milliseconds
// that packs without conditions need not pay.
var sharedCEL = sync.OnceValues(func() (*cel.Env, error) {
	text := cel.MapType(cel.StringType, cel.DynType)
	return cel.NewEnv(
		cel.Function("lowerAscii", cel.MemberOverload("string_lower_ascii", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(lowerASCII))),
		cel.Variable("tenant", cel.StringType),
		cel.Variable("action", cel.StringType),
		cel.Variable("now", cel.TimestampType),
		cel.Variable("agent", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("user", text),
		cel.Variable("resource", text),
		cel.Variable("parameters", text),
		cel.Variable("context", text),
		cel.Variable("lists", cel.MapType(cel.StringType, cel.ListType(cel.StringType))),
		decimalLibrary(),
	)
})

// lowerASCII is the one string function that CEL itself does not have (7.3).
func lowerASCII(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	return types.String(asciiLower(string(s)))
}

// decimalLibrary declares decimal() and the comparisons of decimals; their
// implementation is in [compareCall], which every comparison goes through.
func decimalLibrary() cel.EnvOption {
	opts := []cel.EnvOption{
		cel.Function("decimal", cel.Overload("decimal_of_string", []*cel.Type{cel.StringType}, decimalType,
			cel.UnaryBinding(newDecimalValue))),
	}
	for op, name := range map[string]string{
		operators.Less: "less", operators.LessEquals: "less_equals",
		operators.Greater: "greater", operators.GreaterEquals: "greater_equals",
	} {
		for _, other := range []*cel.Type{decimalType, cel.IntType, cel.UintType} {
			opts = append(opts, comparison(op, name, decimalType, other))
			if other != decimalType {
				opts = append(opts, comparison(op, name, other, decimalType))
			}
		}
	}
	return func(e *cel.Env) (*cel.Env, error) {
		var err error
		for _, opt := range opts {
			if e, err = opt(e); err != nil {
				return nil, err
			}
		}
		return e, nil
	}
}

func comparison(op, name string, left, right *cel.Type) cel.EnvOption {
	id := name + "_" + left.TypeName() + "_" + right.TypeName()
	return cel.Function(op, cel.Overload(id, []*cel.Type{left, right}, cel.BoolType))
}

// condition compiles a when and reports what is wrong with it.
func (c *compiler) condition(pointer, text string, s section) *condition {
	env, err := sharedCEL()
	if err != nil {
		c.fault(pointer, "cel", "Report this as a bug.", "the CEL environment does not load: %v", err)
		return nil
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		c.fault(pointer, "cel", "Mend the expression; policy/README.md lists the variables.", "the condition does not compile: %s", firstIssue(issues))
		return nil
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		c.fault(pointer, "cel.type", "Write a condition that is true or false.", "the condition is of type %s, not bool", t)
		return nil
	}
	c.checkCost(pointer, env, checked)
	reads, params := c.inspect(pointer, checked.NativeRep(), s)
	program, err := env.Program(checked, cel.CostLimit(maxRunCost), cel.CustomDecoratorV2(decorate))
	if err != nil {
		c.fault(pointer, "cel", "Mend the expression.", "the condition does not compile: %v", err)
		return nil
	}
	return &condition{text: text, program: program, context: reads, params: params}
}

func firstIssue(issues *cel.Issues) string {
	e := issues.Errors()[0]
	return fmt.Sprintf("column %d: %s", e.Location.Column()+1, strings.SplitN(e.Message, "\n", 2)[0])
}

func (c *compiler) checkCost(pointer string, env *cel.Env, checked *cel.Ast) {
	estimate, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		c.fault(pointer, "cel.cost", "Simplify the expression.", "the cost of the condition cannot be bounded: %v", err)
		return
	}
	if estimate.Max > maxStaticCost {
		c.fault(pointer, "cel.cost", "Simplify it: fewer loops inside loops, fewer matches.", "the condition may cost %d, at most %d", estimate.Max, maxStaticCost)
	}
}

// sizes assumes how large values are that only a request knows.
type sizes struct{}

func (sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	size := cost.RangedSizeEstimate(0, assumedText)
	switch node.Type().Kind() {
	case types.ListKind, types.MapKind:
		size = cost.RangedSizeEstimate(0, assumedItems)
	default:
	}
	return &size
}

func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// inspect walks the expression: it reports literal time zones that do not load
// and, for approval rules, routing on free text (T31), and returns the names of
// context and of parameters that are read.
func (c *compiler) inspect(pointer string, tree *ast.AST, s section) (context, params []string) {
	w := walker{c: c, pointer: pointer, routing: s == approvals, operands: map[int64]bool{}}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(w.visit))
	slices.Sort(w.reads)
	return slices.Compact(w.reads), w.params
}

type walker struct {
	c        *compiler
	pointer  string
	routing  bool
	operands map[int64]bool // idents that were looked at through their field
	reads    []string
	params   []string
}

func (w *walker) visit(e ast.Expr) {
	switch e.Kind() {
	case ast.SelectKind:
		w.field(e.AsSelect().Operand(), e.AsSelect().FieldName())
	case ast.CallKind:
		w.call(e.AsCall())
	case ast.IdentKind:
		if name := e.AsIdent(); w.routing && !w.operands[e.ID()] && (name == "context" || name == "parameters") {
			w.freeText(name + " as a whole")
		}
	default:
	}
}

func (w *walker) call(call ast.CallExpr) {
	if call.FunctionName() == operators.Index && call.Args()[1].Kind() == ast.LiteralKind {
		if key, ok := call.Args()[1].AsLiteral().(types.String); ok {
			w.field(call.Args()[0], string(key))
		}
	}
	if call.FunctionName() == "decimal" && len(call.Args()) == 1 && call.Args()[0].Kind() == ast.LiteralKind {
		w.c.decimal(w.pointer, fmt.Sprint(call.Args()[0].AsLiteral().Value()))
	}
	if call.IsMemberFunction() && strings.HasPrefix(call.FunctionName(), "get") && len(call.Args()) == 1 && call.Args()[0].Kind() == ast.LiteralKind {
		w.zone(fmt.Sprint(call.Args()[0].AsLiteral().Value()))
	}
}

// zone accepts what CEL accepts: an IANA name or an offset such as +02:00.
func (w *walker) zone(name string) {
	if hasShape(name, "+dd:dd") || hasShape(name, "dd:dd") {
		return
	}
	if _, err := loadZone(name); err != nil || name == "" {
		w.c.fault(w.pointer, "timezone", "Use an IANA name such as Europe/Vienna.", "there is no time zone %q", name)
	}
}

func (w *walker) field(operand ast.Expr, name string) {
	if operand.Kind() != ast.IdentKind {
		return
	}
	w.operands[operand.ID()] = true
	switch operand.AsIdent() {
	case "lists":
		if _, ok := w.c.src.Lists[name]; !ok {
			w.c.fault(w.pointer, "undeclared.list", "Add it to \"lists\".", "there is no list %q", name)
		}
	case "context":
		w.reads = append(w.reads, name)
		if w.routing && name == "reason" {
			w.freeText("context.reason")
		}
	case "parameters":
		w.params = append(w.params, name)
		if w.routing && w.c.isJSON(name) {
			w.freeText("parameters." + name + ", which is json")
		}
	}
}

func (w *walker) freeText(what string) {
	w.c.fault(w.pointer, "approval.freeText", "Route on typed parameters, the resource or declared context.", "an approval rule must not depend on free text: it reads %s", what)
}

func (c *compiler) isJSON(name string) bool {
	for _, a := range c.pack.actions {
		if p := a.param(name); p != nil && p.typ == typeJSON {
			return true
		}
	}
	return false
}

// decorate sends every comparison through [compareCall].
func decorate(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := node.(interpreter.InterpretableCall)
	if !ok {
		return node, nil
	}
	compare := compareCall(call.Function())
	if compare == nil {
		return node, nil
	}
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), compare), nil
}

// holds runs the condition. An error, a value that is no boolean and an
// exceeded cost are all err.
func (w *condition) holds(vars interpreter.Activation) (value bool, err error) {
	out, _, err := w.program.Eval(vars)
	if err != nil {
		return false, err
	}
	b, ok := out.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the condition is of type %s, not bool", out.Type().TypeName())
	}
	return bool(b), nil
}

var _ ref.Val = decimalValue{}
