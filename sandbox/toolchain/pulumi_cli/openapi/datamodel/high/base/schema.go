// Package base has the parts of a schema that `pulumi api` names.
package base

import (
	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

type (
	// Schema describes a value.
	Schema struct {
		Type                         []string
		Format, Pattern, Description string
		Nullable, ReadOnly           *bool
		MinLength, MaxLength         *int64
		Minimum, Maximum, MultipleOf *float64
		Default                      *yaml.Node
		Enum                         []*yaml.Node
		Required                     []string
		AllOf, OneOf, AnyOf          []*SchemaProxy
		Items, AdditionalProperties  *SchemaOrFlag
		Discriminator                *Discriminator
		Properties                   *orderedmap.Map[string, *SchemaProxy]
		Extensions                   *orderedmap.Map[string, *yaml.Node]
	}
	// SchemaProxy holds a schema.
	SchemaProxy struct{}
	// SchemaOrFlag is a schema or a flag.
	SchemaOrFlag struct{ A *SchemaProxy }
	// Discriminator tells which of several schemas a value has.
	Discriminator struct {
		PropertyName string
		Mapping      *orderedmap.Map[string, string]
	}
	// Low is the schema as it is written.
	Low struct{}
)

func (*SchemaProxy) Schema() *Schema               { return nil }
func (*SchemaOrFlag) IsA() bool                    { return false }
func (*Schema) GoLow() *Low                        { return nil }
func (*Schema) MarshalJSONInline() ([]byte, error) { return nil, nil }
func (*Low) Hash() uint64                          { return 0 }
