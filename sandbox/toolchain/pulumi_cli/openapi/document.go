// Package libopenapi stands in for the module of this name, which takes a third of the CLI's build.
//
// The CLI reads the API of Pulumi's own cloud with it, for the commands `pulumi api`, and for nothing else. Where the
// CLI is built from its module, that cloud is out of reach. Here is what those commands name, and every reading fails.
package libopenapi

import (
	"errors"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// Document is never made.
type Document struct{}

// Model is never made.
type Model struct{ Model v3.Document }

// NewDocument refuses.
func NewDocument([]byte) (*Document, error) {
	return nil, errors.New("this CLI is built without `pulumi api`; install Pulumi's own: https://www.pulumi.com/docs/install/")
}

// BuildV3Model is never called.
func (*Document) BuildV3Model() (*Model, error) { return nil, nil }
