// Package v3 has the parts of an API's description that `pulumi api` names.
package v3

import (
	"github.com/pb33f/libopenapi/datamodel/high/base"
	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

type (
	// Document describes an API.
	Document struct {
		Info       *Info
		Paths      *Paths
		Components *Components
	}
	// Info is about the API.
	Info struct{ Version string }
	// Components are shared parts.
	Components struct {
		Schemas *orderedmap.Map[string, *base.SchemaProxy]
	}
	// Paths are all paths.
	Paths struct {
		PathItems *orderedmap.Map[string, *PathItem]
	}
	// PathItem is one path.
	PathItem struct{ Get, Post, Put, Delete, Patch, Head *Operation }
	// Operation is a method of a path.
	Operation struct {
		Tags                              []string
		OperationId, Summary, Description string
		Deprecated                        *bool
		Parameters                        []*Parameter
		RequestBody                       *RequestBody
		Responses                         *Responses
		Extensions                        *orderedmap.Map[string, *yaml.Node]
	}
	// Parameter is one of an operation.
	Parameter struct {
		Name, In, Description string
		Required              *bool
		Schema                *base.SchemaProxy
	}
	// RequestBody is what is sent.
	RequestBody struct {
		Content *orderedmap.Map[string, *MediaType]
	}
	// Responses are all answers.
	Responses struct {
		Codes   *orderedmap.Map[string, *Response]
		Default *Response
	}
	// Response is an answer.
	Response struct {
		Description string
		Content     *orderedmap.Map[string, *MediaType]
	}
	// MediaType is a form of a body.
	MediaType struct{ Schema *base.SchemaProxy }
)
