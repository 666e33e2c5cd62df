; What selfheal reads from Go; `outline.py` has one reader per capture.

(type_spec name: (type_identifier) @name) @class
(type_alias name: (type_identifier) @name) @class

(function_declaration name: (identifier) @name) @function
(method_declaration
  receiver: (parameter_list
    (parameter_declaration
      type: [
        (type_identifier) @owner
        (generic_type type: (type_identifier) @owner)
        (pointer_type [
          (type_identifier) @owner
          (generic_type type: (type_identifier) @owner)
        ])
      ]))
  name: (field_identifier) @name) @function
(method_elem name: (field_identifier) @name) @function

(import_spec path: (_) @module) @import

(call_expression function: (_) @target) @call

[
  (if_statement)
  (for_statement)
  (expression_case)
  (type_case)
  (communication_case)
  (binary_expression operator: ["&&" "||"])
] @branch
