#ifndef LINNET_RUNTIME_GRAMMAR_JSON_SCHEMA_H_
#define LINNET_RUNTIME_GRAMMAR_JSON_SCHEMA_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/grammar/grammar.h"

namespace linnet::grammar {

// The texts (compact JSON, properties in the schema's order, all of them) that satisfy `schema`. Every text
// of the grammar satisfies it; not every value that satisfies it is in the grammar.
//
// Understood: object (properties, required, additionalProperties), array (items, minItems, maxItems), string
// (minLength, maxLength, enum, const), integer (enum, const, minimum with maximum over at most 1,000
// values), number, boolean, null, enum and const of scalars. Annotations (title, description, default,
// examples, $schema, $id, $comment) constrain nothing and are passed over.
// Anything else is refused: InvalidArgument with the JSON pointer to the keyword. ResourceExhausted: too many
// states, nested deeper than 16, or larger than 64 KiB.
absl::StatusOr<Expression> SchemaExpression(std::string_view schema);
absl::StatusOr<Grammar> CompileSchema(std::string_view schema, const GrammarLimits& limits = {});

// Any JSON object, nested at most `depth` levels: for response_format "json_object".
absl::StatusOr<Grammar> AnyJsonObject(uint32_t depth = 3);

}  // namespace linnet::grammar

#endif  // LINNET_RUNTIME_GRAMMAR_JSON_SCHEMA_H_
