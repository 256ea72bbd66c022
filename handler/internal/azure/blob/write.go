package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"
	"path"
	"strconv"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/appendblob"
	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// maxBlock is the largest append, in bytes, that the service takes.
const maxBlock = 100 << 20

// Create implements [audit.Sink]: an empty append blob, unless there is a blob
// of that name.
func (c *Container) Create(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	ctx, cancel, k := c.begin(ctx, "create", name)
	defer cancel()
	_, err := c.client.NewAppendBlobClient(name).Create(ctx, &appendblob.CreateOptions{
		HTTPHeaders: contentType(name), AccessConditions: unlessItExists(),
	})
	if err != nil {
		return k.failed(err)
	}
	return nil
}

// Append implements [audit.Sink]: one block, on the condition that the blob
// ends at position.
func (c *Container) Append(ctx context.Context, name string, position int64, data []byte) (audit.Outcome, error) {
	if err := checkName(name); err != nil {
		return audit.Absent, err
	}
	if position < 0 || len(data) == 0 || len(data) > maxBlock {
		return audit.Absent, fmt.Errorf("append to %s: %d bytes at %d is no append: %w", name, len(data), position, fs.ErrInvalid)
	}
	ctx, cancel, k := c.begin(ctx, "append to", name)
	defer cancel()
	body, sum := own(data)
	answer, err := c.client.NewAppendBlobClient(name).AppendBlock(ctx, body, &appendblob.AppendBlockOptions{
		TransactionalValidation: sum,
		AppendPositionAccessConditions: &appendblob.AppendPositionAccessConditions{
			AppendPosition: to.Ptr(position), MaxSize: to.Ptr(position + int64(len(data))),
		},
	})
	if err != nil {
		e := k.failed(err)
		return e.outcome(), e
	}
	if !standsAt(answer, position) {
		return audit.Unknown, fmt.Errorf("append to %s at %d: the answer tells of another position: %w", name, position, audit.ErrPosition)
	}
	return audit.Durable, nil
}

// standsAt says whether an answer is to an append at position. If not somebody
// else writes to this blob, or something else answered.
func standsAt(answer appendblob.AppendBlockResponse, position int64) bool {
	if answer.BlobAppendOffset == nil || answer.BlobCommittedBlockCount == nil {
		return false
	}
	blocks := int64(*answer.BlobCommittedBlockCount)
	return *answer.BlobAppendOffset == strconv.FormatInt(position, 10) && blocks >= 1 && blocks <= position+1
}

// Put implements [audit.Anchors]: a block blob in one call, unless there is a
// blob of that name.
func (c *Container) Put(ctx context.Context, name string, data []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	err := c.upload(ctx, name, data)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, readErr := c.readAll(ctx, name, int64(len(data))+1)
	switch {
	case readErr != nil:
		return fmt.Errorf("put %s: there is such a blob, and it cannot be compared: %w", name, readErr)
	case !bytes.Equal(there, data):
		return err
	}
	return nil
}

func (c *Container) upload(ctx context.Context, name string, data []byte) error {
	ctx, cancel, k := c.begin(ctx, "put", name)
	defer cancel()
	body, sum := own(data)
	_, err := c.client.NewBlockBlobClient(name).Upload(ctx, body, &blockblob.UploadOptions{
		HTTPHeaders: contentType(name), AccessConditions: unlessItExists(), TransactionalValidation: sum,
	})
	if err != nil {
		return k.failed(err)
	}
	return nil
}

var crcTable = crc64.MakeTable(0x9A6C9329AC4BC9B5) // the service's polynomial

// own is a copy of data to send, with its checksum: the transport may read on
// when the call is over, and data is then the caller's again.
func own(data []byte) (io.ReadSeekCloser, azblob.TransferValidationType) {
	copied := bytes.Clone(data)
	return streaming.NopCloser(bytes.NewReader(copied)), azblob.TransferValidationTypeCRC64(crc64.Checksum(copied, crcTable))
}

func unlessItExists() *azblob.AccessConditions {
	return &azblob.AccessConditions{ModifiedAccessConditions: &azblob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}
}

// contentType is set when a blob is made: it can never change.
func contentType(name string) *azblob.HTTPHeaders {
	kind := "application/octet-stream"
	switch path.Ext(name) {
	case ".jsonl":
		kind = "application/x-ndjson"
	case ".json":
		kind = "application/json"
	case ".jws":
		kind = "application/jose"
	}
	return &azblob.HTTPHeaders{BlobContentType: &kind}
}
