; What selfheal reads from Rust; `outline.py` has one reader per capture.

(struct_item name: (type_identifier) @name) @class
(enum_item name: (type_identifier) @name) @class
(union_item name: (type_identifier) @name) @class
(trait_item name: (type_identifier) @name) @class
(type_item name: (type_identifier) @name) @class

(impl_item type: (_) @name) @extension
(mod_item name: (identifier) @name body: (_)) @namespace

(function_item name: (identifier) @name) @function
(function_signature_item name: (identifier) @name) @function

(use_declaration argument: (_) @module) @import
(mod_item name: (identifier) @module !body) @import
(extern_crate_declaration name: (identifier) @module) @import

(call_expression function: (_) @target) @call
(macro_invocation macro: (_) @target) @call

[
  (if_expression)
  (for_expression)
  (while_expression)
  (match_arm)
  (try_expression)
  (binary_expression operator: ["&&" "||"])
] @branch
