package policy

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// decimalType is the CEL type of every number of a request (7.4).
var decimalType = types.NewObjectType("decimal", traits.ComparerType)

// decimalValue is an exact number inside CEL. It compares with decimals and
// integers; with a double it is an error, because no double is exact.
type decimalValue struct{ d strictjson.Decimal }

func newDecimalValue(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	d, _, ok := strictjson.ParsePlain(string(s))
	if !ok {
		return types.NewErr("decimal: not a plain number")
	}
	return decimalValue{d}
}

// ConvertToNative implements ref.Val.
func (v decimalValue) ConvertToNative(t reflect.Type) (any, error) {
	if t.Kind() == reflect.String {
		return v.d.String(), nil
	}
	return nil, fmt.Errorf("a decimal is no %v", t)
}

// ConvertToType implements ref.Val.
func (v decimalValue) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.StringType:
		return types.String(v.d.String())
	case types.TypeType:
		return decimalType
	case decimalType:
		return v
	}
	return types.NewErr("a decimal is no %s", t.TypeName())
}

// Equal implements ref.Val.
func (v decimalValue) Equal(other ref.Val) ref.Val { return equalValues(v, other) }

// Compare implements traits.Comparer.
func (v decimalValue) Compare(other ref.Val) ref.Val {
	o, ok := exactNumber(other)
	if !ok {
		return types.MaybeNoSuchOverloadErr(other)
	}
	return types.Int(v.d.Compare(o))
}

// Type implements ref.Val.
func (v decimalValue) Type() ref.Type { return decimalType }

// Value implements ref.Val.
func (v decimalValue) Value() any { return v.d }

// exactNumber is the decimal of a decimal or an integer.
func exactNumber(v ref.Val) (strictjson.Decimal, bool) {
	switch n := v.(type) {
	case decimalValue:
		return n.d, true
	case types.Int:
		return strictjson.DecimalOf(int64(n)), true
	case types.Uint:
		d, ok := strictjson.ParseDecimal(fmt.Sprint(uint64(n)))
		return d, ok
	}
	return strictjson.Decimal{}, false
}

func isDecimal(v ref.Val) bool { _, ok := v.(decimalValue); return ok }

// compareCall is what a comparison does where decimals may be on either side;
// nil for other functions.
func compareCall(function string) functions.FunctionOp {
	switch function {
	case operators.Equals:
		return func(args ...ref.Val) ref.Val { return equalValues(args[0], args[1]) }
	case operators.NotEquals:
		return func(args ...ref.Val) ref.Val { return negate(equalValues(args[0], args[1])) }
	case operators.In:
		return func(args ...ref.Val) ref.Val { return contains(args[1], args[0]) }
	case operators.Less:
		return ordered(func(c types.Int) bool { return c < 0 })
	case operators.LessEquals:
		return ordered(func(c types.Int) bool { return c <= 0 })
	case operators.Greater:
		return ordered(func(c types.Int) bool { return c > 0 })
	case operators.GreaterEquals:
		return ordered(func(c types.Int) bool { return c >= 0 })
	}
	return nil
}

func negate(v ref.Val) ref.Val {
	if b, ok := v.(types.Bool); ok {
		return !b
	}
	return v
}

func ordered(holds func(types.Int) bool) functions.FunctionOp {
	return func(args ...ref.Val) ref.Val {
		c := compareValues(args[0], args[1])
		n, ok := c.(types.Int)
		if !ok {
			return c
		}
		return types.Bool(holds(n))
	}
}

func compareValues(a, b ref.Val) ref.Val {
	if isDecimal(b) && !isDecimal(a) {
		n, ok := exactNumber(a)
		if !ok {
			return types.MaybeNoSuchOverloadErr(a)
		}
		a = decimalValue{n}
	}
	comparer, ok := a.(traits.Comparer)
	if !ok {
		return types.MaybeNoSuchOverloadErr(a)
	}
	return comparer.Compare(b)
}

// equalValues is CEL's equality with decimals: equal to integers of the same
// value, an error with a double, unequal to anything else, inside lists and
// maps too.
func equalValues(a, b ref.Val) ref.Val {
	if isDecimal(a) || isDecimal(b) {
		return equalNumbers(a, b)
	}
	switch x := a.(type) {
	case traits.Lister:
		if y, ok := b.(traits.Lister); ok {
			return equalLists(x, y)
		}
	case traits.Mapper:
		if y, ok := b.(traits.Mapper); ok {
			return equalMaps(x, y)
		}
	}
	return types.Equal(a, b)
}

func equalNumbers(a, b ref.Val) ref.Val {
	x, xok := exactNumber(a)
	y, yok := exactNumber(b)
	if xok && yok {
		return types.Bool(x.Compare(y) == 0)
	}
	if a.Type() == types.DoubleType || b.Type() == types.DoubleType {
		return types.NewErr("a decimal compares with integers and decimal(\"…\"), never with a double")
	}
	return types.False
}

func equalLists(a, b traits.Lister) ref.Val {
	if a.Size() != b.Size() {
		return types.False
	}
	for i, n := types.Int(0), a.Size().(types.Int); i < n; i++ {
		if eq := equalValues(a.Get(i), b.Get(i)); eq != types.True {
			return eq
		}
	}
	return types.True
}

func equalMaps(a, b traits.Mapper) ref.Val {
	if a.Size() != b.Size() {
		return types.False
	}
	for it := a.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		other, found := b.Find(key)
		if !found {
			return types.False
		}
		if eq := equalValues(a.Get(key), other); eq != types.True {
			return eq
		}
	}
	return types.True
}

func contains(in, v ref.Val) ref.Val {
	list, ok := in.(traits.Lister)
	if !ok {
		if c, ok := in.(traits.Container); ok {
			return c.Contains(v)
		}
		return types.MaybeNoSuchOverloadErr(in)
	}
	var failed ref.Val = types.False
	for it := list.Iterator(); it.HasNext() == types.True; {
		switch eq := equalValues(it.Next(), v); eq {
		case types.True:
			return types.True
		case types.False:
		default:
			failed = eq // an error, unless another element is equal
		}
	}
	return failed
}

// celOf is a JSON value inside CEL: every number is a decimal.
func celOf(v strictjson.Value) ref.Val {
	switch v.Kind() {
	case strictjson.Bool:
		return types.Bool(v.Bool())
	case strictjson.Number:
		d, ok := strictjson.ParseDecimal(v.Text())
		if !ok {
			return types.NewErr("a number that is out of range")
		}
		return decimalValue{d}
	case strictjson.String:
		return types.String(v.Text())
	case strictjson.Array:
		items := make([]ref.Val, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = celOf(item)
		}
		return types.NewRefValList(types.DefaultTypeAdapter, items)
	case strictjson.Object:
		members := make(map[ref.Val]ref.Val, len(v.Members()))
		for _, m := range v.Members() {
			members[types.String(m.Name)] = celOf(m.Value)
		}
		return types.NewRefValMap(types.DefaultTypeAdapter, members)
	default:
		return types.NullValue
	}
}
